//! OAuth 1.0a as X checks it, with other code and another HMAC than the program's.

use std::collections::BTreeMap;

use base64::Engine as _;
use ring::hmac;

use super::{Call, KEYS};

/// The header's parameters, decoded.
pub fn oauth_parameters(header: &str) -> Result<BTreeMap<String, String>, String> {
    let list = header.strip_prefix("OAuth ").ok_or("the scheme is not OAuth")?;
    let mut parameters = BTreeMap::new();
    for item in list.split(',') {
        let (name, value) = item.trim().split_once('=').ok_or("a parameter without =")?;
        let value =
            value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).ok_or("a value without quotes")?;
        if parameters.insert(decode(name)?, decode(value)?).is_some() {
            return Err(format!("{name} twice"));
        }
    }
    Ok(parameters)
}

/// RFC 5849 section 3.4 in the plain: no body takes part, because X's API v2 takes JSON only.
pub fn sign(call: &Call, oauth: &BTreeMap<String, String>) -> Result<String, String> {
    let host = call.headers.get("host").ok_or("no Host header")?;
    let (path, query) = call.path.split_once('?').unwrap_or((&call.path, ""));
    let mut pairs: Vec<(String, String)> = oauth.iter().map(|(name, value)| (encode(name), encode(value))).collect();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        pairs.push((encode(&decode(name)?), encode(&decode(value)?)));
    }
    pairs.sort();
    let normalised: Vec<_> = pairs.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let base = [call.method.clone(), format!("http://{host}{path}"), normalised.join("&")].map(|part| encode(&part));
    let key = format!("{}&{}", encode(KEYS[1].1), encode(KEYS[3].1));
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, key.as_bytes());
    Ok(base64::engine::general_purpose::STANDARD.encode(hmac::sign(&key, base.join("&").as_bytes())))
}

fn encode(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
            _ => format!("%{byte:02X}"),
        })
        .collect()
}

/// Percent-decoding that turns away what a strict server turns away: a bare `+`, half an escape.
pub fn decode(text: &str) -> Result<String, String> {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        match byte {
            b'%' => {
                let digits = after.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
                let value = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
                bytes.push(value.ok_or_else(|| format!("half an escape in {text}"))?);
                rest = &after[2..];
            }
            b'+' | b' ' | b'"' => return Err(format!("an unescaped character in {text}")),
            _ => bytes.push(byte),
        }
    }
    String::from_utf8(bytes).map_err(|error| error.to_string())
}

/// Against a third hand, so that a mistake shared by client and server cannot hide.
#[test]
fn the_fake_signs_as_python_s_hmac_does() {
    // Made once with:
    //   import hmac, hashlib, base64; from urllib.parse import quote; q = lambda s: quote(s, safe="")
    //   o = {"oauth_consumer_key": "invented-consumer-key", "oauth_nonce": "n1", "oauth_signature_method": "HMAC-SHA1",
    //        "oauth_timestamp": "1700000000", "oauth_token": "1700-invented-access-token", "oauth_version": "1.0",
    //        "user.fields": "name,verified"}
    //   p = "&".join(f"{q(k)}={q(v)}" for k, v in sorted(o.items()))
    //   b = "&".join(map(q, ["GET", "http://127.0.0.1:8080/2/users/me", p]))
    //   k = q("invented/consumer+secret=") + "&" + q("invented&token%secret~")
    //   base64.b64encode(hmac.new(k.encode(), b.encode(), hashlib.sha1).digest())
    let call = Call {
        method: "GET".to_owned(),
        path: "/2/users/me?user.fields=name%2Cverified".to_owned(),
        headers: BTreeMap::from([("host".to_owned(), "127.0.0.1:8080".to_owned())]),
        body: String::new(),
    };
    let oauth = [
        ("oauth_consumer_key", KEYS[0].1),
        ("oauth_nonce", "n1"),
        ("oauth_signature_method", "HMAC-SHA1"),
        ("oauth_timestamp", "1700000000"),
        ("oauth_token", KEYS[2].1),
        ("oauth_version", "1.0"),
    ];
    let oauth = oauth.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    assert_eq!(sign(&call, &oauth).unwrap(), "g/0MmB6M0LeFkL55eg+LY+Fp4aM=");
}
