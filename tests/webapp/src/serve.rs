//! The smallest HTTP server that serves: a thread a connection, one request each.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use crate::{inspect, number, setting};

/// How long a client may take to ask.
const PATIENCE: Duration = Duration::from_secs(10);

/// How often somebody asked for its health.
static ASKED: AtomicU64 = AtomicU64::new(0);

fn port() -> u16 {
    number("PORT")
        .and_then(|port| u16::try_from(port).ok())
        .unwrap_or(3000)
}

fn health_path() -> String {
    setting("HEALTH_PATH").unwrap_or_else(|| "/healthcheck/".to_owned())
}

/// Serves until the process ends.
pub fn serve() -> ExitCode {
    let listener = match TcpListener::bind((Ipv4Addr::UNSPECIFIED, port())) {
        Ok(listener) => listener,
        Err(error) => {
            eprintln!("listening on port {}: {error}", port());
            return ExitCode::FAILURE;
        }
    };
    println!("listening on port {}", port());
    for stream in listener.incoming().flatten() {
        thread::spawn(move || answer(stream));
    }
    ExitCode::FAILURE
}

fn answer(mut stream: TcpStream) -> io::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut request = BufReader::new(stream.try_clone()?).lines();
    let first = request.next().transpose()?.unwrap_or_default();
    // The rest of the head must be read, or closing resets the connection before the answer arrives.
    while request
        .next()
        .transpose()?
        .is_some_and(|line| !line.is_empty())
    {}
    let path = first.split(' ').nth(1).unwrap_or("/").to_owned();
    let (status, kind, body) = if path == health_path() {
        thread::sleep(Duration::from_millis(
            number("HEALTH_DELAY_MS").unwrap_or(0),
        ));
        let status = health();
        (status, "text/plain", format!("{status}\n"))
    } else if path == "/inspect" {
        (200, "application/json", inspect::document())
    } else if path == "/stop" {
        std::process::exit(0);
    } else {
        (
            200,
            "text/plain",
            "hello from firstlight's sample service\n".to_owned(),
        )
    };
    let location = setting("HEALTH_LOCATION").map(|place| format!("location: {place}\r\n"));
    write!(
        stream,
        "HTTP/1.1 {status} -\r\n{}content-type: {kind}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        location.unwrap_or_default(),
        body.len()
    )
}

fn health() -> u16 {
    let before = ASKED.fetch_add(1, Ordering::Relaxed);
    let ready = before >= number("HEALTHY_AFTER").unwrap_or(0);
    let fixed = number("HEALTH_STATUS").and_then(|status| u16::try_from(status).ok());
    fixed.unwrap_or(if ready { 200 } else { 503 })
}

/// Asks the service in this container for its health.
pub fn probe() -> ExitCode {
    let ask = || -> io::Result<String> {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port()))?;
        stream.set_read_timeout(Some(PATIENCE))?;
        write!(
            stream,
            "GET {} HTTP/1.1\r\nhost: localhost\r\n\r\n",
            health_path()
        )?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    };
    match ask() {
        Ok(answer) if answer.starts_with("HTTP/1.1 200 ") => ExitCode::SUCCESS,
        Ok(answer) => {
            println!("{}", answer.lines().next().unwrap_or("no answer"));
            ExitCode::FAILURE
        }
        Err(error) => {
            println!("{error}");
            ExitCode::FAILURE
        }
    }
}
