//! The section `[admin]`: the admin page, and what is measured for Prometheus.

use std::net::{IpAddr, SocketAddr};

use ipnet::IpNet;
use pregonero_settings::{Checker, DAY, MINUTE};
use pregonero_store::SessionLimits;
use pregonero_system::network::may_get_secrets;
use serde::{Deserialize, Serialize};
use url::Url;

/// The keys of `[admin]` as the file writes them, with their defaults.
#[derive(Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AdminKeys {
    pub listen: String,
    pub public_url: String,
    pub trusted_proxies: Vec<String>,
    pub idle: String,
    pub expires: String,
    pub metrics_listen: String,
    pub metrics_networks: Vec<String>,
}

impl Default for AdminKeys {
    fn default() -> Self {
        Self {
            listen: "127.0.0.1:8787".into(),
            public_url: String::new(),
            trusted_proxies: Vec::new(),
            idle: "12h".into(),
            expires: "7d".into(),
            metrics_listen: String::new(),
            metrics_networks: Vec::new(),
        }
    }
}

/// The settings of the page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdminSettings {
    /// Where the page listens, once there is a user; absent if it is switched off.
    pub listen: Option<SocketAddr>,
    /// The address at which people reach the page from outside: scheme, host and port, without a path.
    pub public_url: Option<Url>,
    /// Who may say in `X-Forwarded-For` where a request comes from.
    pub trusted_proxies: Vec<IpNet>,
    /// How long a session lasts.
    pub sessions: SessionLimits,
    /// A listener of its own for the metrics; absent if they are on the page's.
    pub metrics_listen: Option<SocketAddr>,
    /// Who may read the metrics on the page's listener, besides this machine.
    pub metrics_networks: Vec<IpNet>,
}

impl AdminKeys {
    /// Returns the settings, each key parsed and in range, or `None` after reporting a fault to `checker`.
    #[must_use]
    pub fn check(&self, checker: &mut Checker<'_>) -> Option<AdminSettings> {
        let listen = checker.keep("admin.listen", listen(&self.listen, "127.0.0.1:8787"));
        let public_url = checker.keep("admin.public_url", public_url(&self.public_url));
        let trusted_proxies = checker.each("admin.trusted_proxies", &self.trusted_proxies, |text| network(text));
        let idle = checker.duration("admin.idle", &self.idle, MINUTE, DAY * 90);
        let expires = checker.duration("admin.expires", &self.expires, MINUTE, DAY * 365);
        let metrics_listen = checker.keep("admin.metrics_listen", self::listen(&self.metrics_listen, "127.0.0.1:9187"));
        let metrics_networks = checker.each("admin.metrics_networks", &self.metrics_networks, |text| network(text));
        let settings = AdminSettings {
            listen: listen?,
            public_url: public_url?,
            trusted_proxies: trusted_proxies?,
            sessions: SessionLimits { idle: idle?, expires: expires? },
            metrics_listen: metrics_listen?,
            metrics_networks: metrics_networks?,
        };
        let is_open = settings.listen.is_some_and(|listen| !listen.ip().is_loopback());
        if is_open && (settings.public_url.is_none() || settings.trusted_proxies.is_empty()) {
            let message = "expected an address of this machine itself (127.0.0.1): behind any other one, the page needs a proxy that \
                 encrypts, so set admin.public_url to the address that people open and admin.trusted_proxies to the proxy's";
            checker.fault("admin.listen", message);
            return None;
        }
        if settings.listen.is_some_and(|listen| listen.port() != 0) && settings.listen == settings.metrics_listen {
            checker.fault("admin.metrics_listen", "expected another address or port than admin.listen has");
            return None;
        }
        Some(settings)
    }
}

/// Parses an address and a port; an empty text is none.
fn listen(found: &str, example: &str) -> Result<Option<SocketAddr>, String> {
    if found.trim().is_empty() {
        return Ok(None);
    }
    let parsed = found.parse().map(Some);
    parsed.map_err(|_| format!("expected an address and a port such as {example:?}, or \"\" for none, found {found:?}"))
}

fn public_url(found: &str) -> Result<Option<Url>, String> {
    if found.trim().is_empty() {
        return Ok(None);
    }
    let wrong = |why: &str| format!("expected an address such as \"https://bot.example.org\"{why}, found {found:?}");
    let url = Url::parse(found).map_err(|cause| wrong(&format!(" ({cause})")))?;
    if !may_get_secrets(&url) {
        return Err(wrong(", encrypted (plain http only to this machine)"));
    }
    let is_bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
    if !is_bare || !url.username().is_empty() || url.password().is_some() || url.host_str().is_none() {
        return Err(wrong(" without a path, a user or a question mark: the page has its host to itself"));
    }
    Ok(Some(url))
}

/// Parses a network or a single address.
fn network(found: &str) -> Result<IpNet, String> {
    let single = || found.parse::<IpAddr>().map(IpNet::from);
    found.parse().or_else(|_| single()).map_err(|_| {
        format!("expected an address or a network such as \"10.0.0.2\" or \"10.0.0.0/8\", found {found:?}")
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::path::Path;

    use super::*;

    fn checked(keys: &AdminKeys) -> Result<AdminSettings, Vec<String>> {
        let origins = BTreeMap::new();
        let file = Path::new("config.toml");
        let mut checker = Checker { file, origins: &origins, faults: Vec::new(), warnings: Vec::new() };
        let settings = keys.check(&mut checker);
        settings.ok_or_else(|| checker.faults.iter().map(ToString::to_string).collect())
    }

    fn keys(listen: &str, public_url: &str, proxies: &[&str]) -> AdminKeys {
        let trusted_proxies = proxies.iter().map(|&proxy| proxy.to_owned()).collect();
        AdminKeys { listen: listen.into(), public_url: public_url.into(), trusted_proxies, ..AdminKeys::default() }
    }

    #[test]
    fn an_address_beyond_this_machine_needs_a_public_address_and_its_proxies() {
        assert!(checked(&AdminKeys::default()).is_ok());
        assert_eq!(checked(&keys("", "", &[])).unwrap().listen, None);
        assert!(checked(&keys("[::1]:80", "https://bot.example.org", &[])).is_ok());
        for open in ["0.0.0.0:8787", "[::]:8787", "192.168.1.5:8787"] {
            for (url, proxies) in [("", &["10.0.0.2"][..]), ("https://bot.example.org", &[]), ("", &[])] {
                let faults = checked(&keys(open, url, proxies)).unwrap_err();
                assert!(
                    faults[0].starts_with("default: admin.listen: expected an address of this machine"),
                    "{faults:?}"
                );
            }
            checked(&keys(open, "https://bot.example.org", &["10.0.0.0/8", "fd00::1"])).unwrap();
        }
    }

    #[test]
    fn what_is_no_address_of_a_page_is_refused_with_an_example() {
        for url in [
            "bot.example.org",
            "http://bot.example.org",
            "https://bot.example.org/bot",
            "https://a@b.example/",
            "https://b.example/?x",
        ] {
            let faults = checked(&keys("127.0.0.1:1", url, &[])).unwrap_err();
            assert!(faults[0].contains("admin.public_url: expected an address such as"), "{url}: {faults:?}");
        }
        let faults = checked(&keys("8787", "http://localhost:80", &["x", "10.0.0.0/99"])).unwrap_err();
        assert_eq!(faults.len(), 3, "{faults:?}");
        let same = AdminKeys { metrics_listen: "127.0.0.1:8787".into(), ..AdminKeys::default() };
        assert!(checked(&same).unwrap_err()[0].contains("admin.metrics_listen"));
    }
}
