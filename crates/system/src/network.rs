//! What every part that talks to a server shares: which addresses stay on this machine, and how long to wait before
//! the next attempt.

use std::ops::Add;

use url::{Host, Url};

/// Returns whether the address leads to this machine itself, where a connection without TLS exposes nothing.
#[must_use]
pub fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// Returns whether a secret may be sent to the address: over TLS, or without it to this machine itself.
#[must_use]
pub fn may_get_secrets(url: &Url) -> bool {
    match url.scheme() {
        "https" => true,
        "http" => is_loopback(url),
        _ => false,
    }
}

/// Returns the wait before the next attempt: `first`, doubled once for each earlier failure, at most `longest`.
#[must_use]
pub fn back_off<D: Copy + Ord + Add<Output = D>>(first: D, longest: D, earlier_failures: u32) -> D {
    let mut wait = first;
    for _ in 0..earlier_failures {
        if wait >= longest {
            break;
        }
        wait = wait + wait;
    }
    wait.min(longest)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn only_this_machine_itself_counts_as_loopback() {
        for (address, expected) in [
            ("http://localhost:8080/x", true),
            ("http://127.0.0.1", true),
            ("http://127.9.9.9", true),
            ("http://[::1]:1", true),
            ("http://localhost.example.com", false),
            ("http://10.0.0.1", false),
            ("https://api.x.com", false),
            ("data:text", false),
        ] {
            assert_eq!(is_loopback(&Url::parse(address).unwrap()), expected, "{address}");
        }
    }

    #[test]
    fn secrets_travel_over_tls_or_stay_on_this_machine() {
        for (address, expected) in [
            ("https://api.x.com", true),
            ("http://127.0.0.1:8080", true),
            ("http://api.x.com", false),
            ("ftp://localhost", false),
        ] {
            assert_eq!(may_get_secrets(&Url::parse(address).unwrap()), expected, "{address}");
        }
    }

    #[test]
    fn waits_double_up_to_their_bound() {
        let seconds = Duration::from_secs;
        let waits: Vec<Duration> = (0..5).map(|earlier| back_off(seconds(5), seconds(60), earlier)).collect();
        assert_eq!(waits, [5, 10, 20, 40, 60].map(seconds));
        assert_eq!(back_off(seconds(5), seconds(60), u32::MAX), seconds(60));
    }
}
