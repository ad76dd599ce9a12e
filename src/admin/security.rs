//! What every request and every answer passes, whatever the route: host, origin, time, and the headers that tell a browser
//! how little the page needs.
//!
//! One constraint: [`gate`] is the outermost layer, so that errors have the headers too.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::{HOST, HeaderMap, HeaderName, HeaderValue, ORIGIN};
use axum::http::{Method, StatusCode, Uri};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ipnet::IpNet;
use url::Url;

use super::Page;
use super::ask::{Ask, Theme, cookie, page_of_form};
use super::failure::{Failure, render};
use super::language::Language;
use crate::config::AdminSettings;

/// How long an answer may take. The body of a request is read within it, so that a slow sender holds nothing up.
const LONGEST_ANSWER: Duration = Duration::from_secs(30);

/// How long a try of a prompt may take: the model writes dozens of texts.
pub(super) const LONGEST_TRY: Duration = Duration::from_secs(300);

/// The largest body of a request: no form of the page comes near it.
pub(super) const LARGEST_BODY: usize = 64 * 1024;

/// The wait, in seconds, that the answer names if a client has too many requests under way.
const WAIT_FOR_OTHERS: i64 = 5;

/// The address of a request of which nobody knows where it comes from: never this machine's, and a place of its own for the
/// limits.
const UNKNOWN: IpAddr = IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED);

/// The address at the other end of the connection.
#[derive(Debug, Clone, Copy)]
pub struct Peer(pub SocketAddr);

/// Returns random text of 128 bits or more.
///
/// # Panics
/// If the system has no random numbers.
#[must_use]
pub fn random<const BYTES: usize>() -> String {
    let mut bytes = [0; BYTES];
    getrandom::fill(&mut bytes).expect("the system has random numbers");
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Lets a request in, and gives its answer the headers.
pub(super) async fn gate(State(page): State<Arc<Page>>, mut request: Request, next: Next) -> Response {
    let ask = ask_of(&page, &request);
    let checked = check_peer(&page, &request)
        .and_then(|()| check_host(&page, request.headers()))
        .and_then(|()| check_origin(&page, request.method(), request.headers()));
    let bound = if request.uri().path() == "/prompts/try" { LONGEST_TRY } else { LONGEST_ANSWER };
    request.extensions_mut().insert(ask.clone());
    // A proxy's connections are not counted by address, so its clients' requests are: one that sends its form slowly must
    // not take the places of all.
    let visit = page.visiting.take(ask.address);
    let answer = match checked {
        Err(failure) => failure.into_response(),
        Ok(()) if visit.is_none() => Failure::TooManyTries { seconds: WAIT_FOR_OTHERS }.into_response(),
        Ok(()) => match tokio::time::timeout(bound, next.run(request)).await {
            Ok(answer) => answer,
            Err(_) => Failure::TooSlow.into_response(),
        },
    };
    with_headers(render(answer, &ask), &ask)
}

/// Lets a request in on the metrics' own listener, and gives its answer the headers.
pub(super) async fn machine_gate(State(page): State<Arc<Page>>, request: Request, next: Next) -> Response {
    let ask = ask_of(&page, &request);
    // A foreign site can point its own name at this machine; beyond it, whoever scrapes has names of their own.
    let answer = if page.listen.ip().is_loopback() && !is_host_near(request.headers()) {
        Failure::WrongHost.into_response()
    } else {
        match tokio::time::timeout(LONGEST_ANSWER, next.run(request)).await {
            Ok(answer) => answer,
            Err(_) => Failure::TooSlow.into_response(),
        }
    };
    with_headers(render(answer, &ask), &ask)
}

fn peer_of(request: &Request) -> IpAddr {
    request.extensions().get::<Peer>().map_or(UNKNOWN, |peer| peer.0.ip().to_canonical())
}

fn ask_of(page: &Page, request: &Request) -> Ask {
    let (headers, path) = (request.headers(), request.uri().path());
    let peer = peer_of(request);
    let public = page.admin.public_url.as_ref();
    let is_public =
        public.is_some_and(|url| host_of(headers).is_some_and(|host| authority(url).as_deref() == Some(host.as_str())));
    Ask {
        now: page.now(),
        address: client_address(peer, headers, &page.admin.trusted_proxies),
        is_secure: is_public && public.is_some_and(|url| url.scheme() == "https"),
        nonce: random::<16>(),
        language: Language::of_code(cookie(headers, "language").unwrap_or_default()),
        theme: Theme::of_word(cookie(headers, "theme").unwrap_or_default()),
        shortcuts: cookie(headers, "shortcuts") != Some("off"),
        visitor: None,
        path: path.to_owned(),
        back: if request.method() == Method::POST { page_of_form(path).to_owned() } else { back_to(request.uri()) },
    }
}

/// Returns the page asked for with its query, such as the filters of a list, but without the word about what was just done.
fn back_to(uri: &Uri) -> String {
    let pairs = uri.query().unwrap_or_default().split('&');
    let kept: Vec<&str> = pairs.filter(|pair| !pair.is_empty() && !pair.starts_with("done=")).collect();
    if kept.is_empty() { uri.path().to_owned() } else { format!("{}?{}", uri.path(), kept.join("&")) }
}

/// Returns the name that was asked for, in lower case as every comparison needs it.
fn host_of(headers: &HeaderMap) -> Option<String> {
    headers.get(HOST).and_then(|host| host.to_str().ok()).map(str::to_ascii_lowercase)
}

/// Returns whether the name that was asked for is this machine's own, with any port.
fn is_host_near(headers: &HeaderMap) -> bool {
    let host = host_of(headers).unwrap_or_default();
    let name = match host.rsplit_once(':') {
        Some((name, port)) if !port.contains(']') => name,
        _ => &host,
    };
    let name = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
    name == "localhost" || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// Refuses whoever goes around the proxy if the page listens beyond this machine: on that way nothing is encrypted. The
/// networks that may read the metrics come to those alone.
fn check_peer(page: &Page, request: &Request) -> Result<(), Failure> {
    let peer = peer_of(request);
    let is_in = |networks: &[IpNet]| networks.iter().any(|network| network.contains(&peer));
    let is_for_machines = matches!(request.uri().path(), "/healthz" | "/readyz" | "/metrics");
    let may_come = page.listen.ip().is_loopback()
        || peer.is_loopback()
        || is_in(&page.admin.trusted_proxies)
        || is_for_machines && is_in(&page.admin.metrics_networks);
    if may_come { Ok(()) } else { Err(Failure::AroundProxy) }
}

/// Returns `host` or `host:port`, as a browser writes it into `Host`.
fn authority(url: &Url) -> Option<String> {
    let host = url.host_str()?;
    Some(url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}")))
}

/// Returns the origins from which the page may be used: the public address, and this machine if the page listens there.
fn origins(admin: &AdminSettings, listen: SocketAddr) -> Vec<String> {
    let public = admin.public_url.iter().map(|url| url.origin().ascii_serialization());
    let port = listen.port();
    let names = if listen.ip().is_loopback() {
        vec![format!("localhost:{port}"), format!("127.0.0.1:{port}"), format!("[::1]:{port}"), listen.to_string()]
    } else {
        Vec::new()
    };
    // A browser leaves out the port of the scheme.
    let here = names.into_iter().map(|name| format!("http://{}", name.strip_suffix(":80").unwrap_or(&name)));
    public.chain(here).collect()
}

/// Refuses a name under which nobody should know the page: a foreign site that points its own name at this machine.
fn check_host(page: &Page, headers: &HeaderMap) -> Result<(), Failure> {
    let host = host_of(headers).unwrap_or_default();
    let known = origins(&page.admin, page.listen);
    let is_known = known.iter().filter_map(|origin| origin.split_once("://")).any(|(_, name)| name == host);
    if is_known { Ok(()) } else { Err(Failure::WrongHost) }
}

/// Refuses a request that changes something unless a page of ours sent it. Browsers say so in `Sec-Fetch-Site`; those that do
/// not, and connections on which they do not, in `Origin`.
fn check_origin(page: &Page, method: &Method, headers: &HeaderMap) -> Result<(), Failure> {
    if method.is_safe() {
        return Ok(());
    }
    let says = |name: &HeaderName| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    let origin = says(&ORIGIN);
    let is_ours = |origin: &str| origins(&page.admin, page.listen).iter().any(|ours| ours == origin);
    let allowed = match says(&HeaderName::from_static("sec-fetch-site")) {
        Some(site) => site == "same-origin" && origin.is_none_or(is_ours),
        None => origin.is_some_and(is_ours),
    };
    if allowed { Ok(()) } else { Err(Failure::ForeignOrigin) }
}

/// Returns where a request comes from: the peer, or, if the peer is a trusted proxy, the last address in
/// `X-Forwarded-For` that is not one. Whoever sends the request can write everything left of that. If a trusted proxy
/// wrote something that is no address, it is [`UNKNOWN`], and not the proxy's.
fn client_address(peer: IpAddr, headers: &HeaderMap, trusted: &[IpNet]) -> IpAddr {
    let is_trusted = |address: IpAddr| trusted.iter().any(|network| network.contains(&address));
    let mut address = peer.to_canonical();
    let lines: Vec<&[u8]> = headers.get_all("x-forwarded-for").iter().map(HeaderValue::as_bytes).collect();
    // In bytes: what stands left of the proxy's own entry may be anything, and must not make that one unreadable.
    for entry in lines.iter().flat_map(|line| line.split(|byte| *byte == b',')).rev() {
        if !is_trusted(address) {
            break;
        }
        let entry = std::str::from_utf8(entry).unwrap_or_default().trim();
        // Some proxies add the port.
        let found = entry.parse().or_else(|_| entry.parse::<SocketAddr>().map(|found| found.ip()));
        match found {
            Ok(found) => address = found.to_canonical(),
            Err(_) => return UNKNOWN,
        }
    }
    address
}

/// Returns whether a request may read the metrics: from this machine itself, under its own name and through nothing, or from
/// an allowed network, and not through a proxy that the settings do not name. A proxy that says nothing of whom it asks for
/// still asks for the public name.
pub(super) fn may_measure(page: &Page, ask: &Ask, headers: &HeaderMap) -> bool {
    let is_forwarded =
        ["x-forwarded-for", "forwarded", "x-real-ip", "via"].iter().any(|name| headers.contains_key(*name));
    let is_resolved = !page.admin.trusted_proxies.is_empty();
    let is_near = ask.address.is_loopback() && !is_forwarded && is_host_near(headers);
    is_near
        || page.admin.metrics_networks.iter().any(|network| network.contains(&ask.address))
            && (!is_forwarded || is_resolved)
}

fn with_headers(mut answer: Response, ask: &Ask) -> Response {
    let nonce = &ask.nonce;
    let policy = format!(
        "default-src 'none'; script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'; img-src 'self'; form-action 'self'; \
         frame-ancestors 'none'; base-uri 'none'; require-trusted-types-for 'script'"
    );
    let headers = answer.headers_mut();
    headers.insert("content-security-policy", HeaderValue::from_str(&policy).expect("a nonce is plain text"));
    for (name, value) in [
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
        // Not `no-referrer`: with it, browsers send `Origin: null` from our own forms. To other sites nothing is sent either.
        ("referrer-policy", "same-origin"),
        ("cross-origin-opener-policy", "same-origin"),
        ("cross-origin-resource-policy", "same-origin"),
        ("permissions-policy", "camera=(), geolocation=(), microphone=()"),
        ("x-robots-tag", "noindex"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if ask.is_secure {
        headers.insert("strict-transport-security", HeaderValue::from_static("max-age=31536000"));
    }
    headers.entry("cache-control").or_insert(HeaderValue::from_static("no-store"));
    answer
}

/// An answer of plain text.
pub(super) fn plain(status: StatusCode, content_type: &'static str, text: impl Into<Body>) -> Response {
    (status, [("content-type", content_type)], text.into()).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap())).collect()
    }

    #[test]
    fn an_address_is_believed_as_far_as_trusted_proxies_wrote_it() {
        let trusted: Vec<IpNet> = ["10.0.0.0/8", "127.0.0.1/32"].iter().map(|net| net.parse().unwrap()).collect();
        let cases = [
            ("203.0.113.9", "198.51.100.1", "203.0.113.9"),
            ("10.0.0.2", "", "0.0.0.0"),
            ("127.0.0.1", "1.2.3.4, unknown", "0.0.0.0"),
            ("127.0.0.1", "ñ, 198.51.100.1", "198.51.100.1"),
            ("127.0.0.1", "198.51.100.1, ñ", "0.0.0.0"),
            ("127.0.0.1", "1.2.3.4, 198.51.100.1:4711", "198.51.100.1"),
            ("127.0.0.1", "[2001:db8::1]:4711", "2001:db8::1"),
            ("10.0.0.2", "198.51.100.1", "198.51.100.1"),
            ("10.0.0.2", "1.2.3.4, 198.51.100.1", "198.51.100.1"),
            ("10.0.0.2", "1.2.3.4, 198.51.100.1, 10.0.0.3", "198.51.100.1"),
            ("::ffff:10.0.0.2", "2001:db8::1", "2001:db8::1"),
            ("10.0.0.2", "<script>, 10.0.0.3", "0.0.0.0"),
        ];
        for (peer, forwarded, wanted) in cases {
            let mut headers = HeaderMap::new();
            // Not `parse`, which refuses what the network does not.
            headers.insert("x-forwarded-for", HeaderValue::from_bytes(forwarded.as_bytes()).unwrap());
            let found = client_address(peer.parse().unwrap(), &headers, &trusted);
            assert_eq!(found, wanted.parse::<IpAddr>().unwrap(), "{peer} {forwarded}");
        }
        let untrusted = client_address("127.0.0.1".parse().unwrap(), &headers(&[("x-forwarded-for", "1.2.3.4")]), &[]);
        assert_eq!(untrusted.to_string(), "127.0.0.1");
        let silent = client_address("10.0.0.2".parse().unwrap(), &HeaderMap::new(), &trusted);
        assert_eq!(silent.to_string(), "10.0.0.2");
    }

    #[test]
    fn a_machine_s_own_names_are_loopback_names_with_any_port() {
        for (host, is_near) in [
            ("localhost", true),
            ("LOCALHOST:8787", true),
            ("127.0.0.1:8787", true),
            ("127.8.0.1", true),
            ("[::1]", true),
            ("[::1]:8787", true),
            ("bot.example.org", false),
            ("localhost.example.org:8787", false),
            ("192.0.2.1:8787", false),
            ("", false),
        ] {
            assert_eq!(is_host_near(&headers(&[("host", host)])), is_near, "{host}");
        }
    }
}
