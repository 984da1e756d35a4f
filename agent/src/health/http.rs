//! GET over HTTP or HTTPS. A certificate is not checked: it names the service, not a container's
//! address.

use super::probe::Saw;
use firstlight_userdata::spec::HttpProbe;
use std::{
    error::Error as _,
    fmt,
    net::{IpAddr, SocketAddr},
};

/// One GET, to be asked again and again.
#[derive(Debug)]
pub(super) struct Get<'a> {
    client: reqwest::Client,
    scheme: &'static str,
    probe: &'a HttpProbe,
}

impl<'a> Get<'a> {
    /// # Errors
    /// The client could not be built.
    pub(super) fn new(scheme: &'static str, probe: &'a HttpProbe) -> Result<Get<'a>, String> {
        let client = reqwest::Client::builder()
            .user_agent(concat!("firstlight/", env!("CARGO_PKG_VERSION")))
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .tls_danger_accept_invalid_certs(true)
            // Each probe shows that the service accepts connections.
            .pool_max_idle_per_host(0)
            .build();
        Ok(Get {
            client: client.map_err(|error| chain(&error))?,
            scheme,
            probe,
        })
    }

    /// The `Host` header is the address and port, as a load balancer's is.
    pub(super) async fn ask(&self, address: IpAddr) -> Saw {
        let authority = SocketAddr::new(address, self.probe.port);
        let url = format!("{}://{authority}{}", self.scheme, self.probe.path);
        match self.client.get(url).send().await {
            Ok(answer) => self.saw(answer.status().as_u16()),
            Err(error) => Saw {
                good: false,
                words: format!("{self} failed: {}", chain(&error.without_url())),
            },
        }
    }

    fn saw(&self, status: u16) -> Saw {
        let wanted = |(low, high): &(u16, u16)| (*low..=*high).contains(&status);
        let good = self.probe.matcher.iter().any(wanted);
        let words = if good {
            format!("{self} answered {status}")
        } else {
            format!("{self} answered {status}, wanted {}", matcher(self.probe))
        };
        Saw { good, words }
    }
}

impl fmt::Display for Get<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.scheme == "https" { "https " } else { "" };
        write!(f, "GET {scheme}:{}{}", self.probe.port, self.probe.path)
    }
}

/// The matcher as an ALB's is written: `200`, `200,301`, `200-299`.
fn matcher(probe: &HttpProbe) -> String {
    let ranges = probe.matcher.iter().map(|(low, high)| match low == high {
        true => low.to_string(),
        false => format!("{low}-{high}"),
    });
    ranges.collect::<Vec<_>>().join(",")
}

/// The innermost cause says it best: "connection refused".
fn chain(error: &reqwest::Error) -> String {
    let mut innermost = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        innermost = cause.to_string();
        source = cause.source();
    }
    innermost
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn statuses_and_words() {
        let probe = |matcher: &[(u16, u16)]| HttpProbe {
            port: 3000,
            path: "/healthcheck/".into(),
            matcher: matcher.to_vec(),
        };
        for (matcher, status, good, words) in [
            (
                &[(200, 200)][..],
                200,
                true,
                "GET :3000/healthcheck/ answered 200",
            ),
            (
                &[(200, 200)],
                503,
                false,
                "GET :3000/healthcheck/ answered 503, wanted 200",
            ),
            (
                &[(200, 299), (301, 301)],
                302,
                false,
                "GET :3000/healthcheck/ answered 302, wanted 200-299,301",
            ),
            (
                &[(200, 299), (301, 301)],
                301,
                true,
                "GET :3000/healthcheck/ answered 301",
            ),
            (
                &[(200, 299)],
                299,
                true,
                "GET :3000/healthcheck/ answered 299",
            ),
        ] {
            let probe = probe(matcher);
            let saw = Get::new("http", &probe).unwrap().saw(status);
            assert_eq!((saw.good, saw.words.as_str()), (good, words));
        }
        assert_eq!(
            Get::new("https", &probe(&[])).unwrap().to_string(),
            "GET https :3000/healthcheck/"
        );
    }
}
