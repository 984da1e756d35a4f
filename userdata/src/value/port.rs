//! Published ports in Compose's short notation.

use super::Complaint;
use crate::spec::{Port, Protocol};
use std::net::IpAddr;

/// Reads `80`, `8080:80`, `127.0.0.1:8080:80/udp`, `[::1]:8080:80`.
pub(crate) fn parse(text: &str) -> Result<Port, Complaint> {
    let wrong = || {
        Complaint::new(format!("`{text}` publishes no port")).hint(
            "write \"HOST:CONTAINER\", as in \"8080:80\", \"127.0.0.1:8080:80\" or \"53:53/udp\"",
        )
    };
    let (numbers, protocol) = match text.split_once('/') {
        None => (text, Protocol::Tcp),
        Some((numbers, "tcp")) => (numbers, Protocol::Tcp),
        Some((numbers, "udp")) => (numbers, Protocol::Udp),
        Some(_) => return Err(wrong()),
    };
    if numbers.contains('-') {
        return Err(Complaint::new(format!("`{text}` is a range of ports"))
            .hint("write each port on its own"));
    }
    let (address, ports) = match numbers
        .strip_prefix('[')
        .and_then(|rest| rest.split_once("]:"))
    {
        Some((address, ports)) => (Some(address), ports),
        None => match numbers.match_indices(':').nth(1) {
            Some(_) => numbers
                .split_once(':')
                .map_or((None, numbers), |(address, ports)| (Some(address), ports)),
            None => (None, numbers),
        },
    };
    let host_ip: Option<IpAddr> = address
        .map(|address| address.parse().map_err(|_| wrong()))
        .transpose()?;
    let (host, container) = match ports.split_once(':') {
        Some(("", container)) if host_ip.is_some() => (None, container),
        Some((host, container)) => (Some(number(host).ok_or_else(wrong)?), container),
        None if host_ip.is_none() => (None, ports),
        None => return Err(wrong()),
    };
    Ok(Port {
        host_ip,
        host,
        container: number(container).ok_or_else(wrong)?,
        protocol,
    })
}

/// Reads a port's number, 1 to 65535.
pub(crate) fn number(text: &str) -> Option<u16> {
    let digits = text.bytes().all(|b| b.is_ascii_digit());
    text.parse().ok().filter(|port| digits && *port > 0)
}

/// A port as one would write it.
pub(crate) fn show(port: &Port) -> String {
    let address = match port.host_ip {
        Some(IpAddr::V6(address)) => format!("[{address}]:"),
        Some(IpAddr::V4(address)) => format!("{address}:"),
        None => String::new(),
    };
    let host = port.host.map(|host| format!("{host}:")).unwrap_or_default();
    let colon = if port.host_ip.is_some() && port.host.is_none() {
        ":"
    } else {
        ""
    };
    let protocol = match port.protocol {
        Protocol::Tcp => "",
        Protocol::Udp => "/udp",
    };
    format!("{address}{host}{colon}{}{protocol}", port.container)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn reads_the_short_notation() {
        for text in [
            "80",
            "8080:80",
            "127.0.0.1:8080:80/udp",
            "127.0.0.1::80",
            "[::1]:8080:80",
            "53:53/udp",
        ] {
            assert_eq!(show(&parse(text).unwrap()), text);
        }
        assert_eq!(show(&parse("443:443/tcp").unwrap()), "443:443");
        for bad in [
            "",
            "0",
            "65536",
            "80:",
            ":80",
            "a:80",
            "1-2:1-2",
            "80/sctp",
            "::1:80:80",
            "127.0.0.1:80",
            "1:2:3:4",
            "+80",
            "80:80 ",
        ] {
            assert!(parse(bad).is_err(), "{bad}");
        }
        assert_eq!(
            parse("8000-8010:80").unwrap_err().hint.unwrap(),
            "write each port on its own"
        );
    }
}
