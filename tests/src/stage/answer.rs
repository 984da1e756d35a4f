//! Answers, and how each protocol writes an error.
//!
//! To add a protocol: a variant of [`Protocol`] and its error shape here.

use std::fmt;

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};

/// A request id; AWS gives each answer one, and clients print it.
pub(super) const REQUEST_ID: &str = "57a6e000-0000-4000-8000-000000000001";

/// How a service writes its answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// `awsQuery`: forms in, XML out.
    Query,
    /// `awsJson1_1`.
    Json,
    /// Amazon S3's XML.
    S3,
    /// Instance metadata: text, and HTML errors.
    Metadata,
}

/// An AWS error: what a client tells apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AwsError {
    /// HTTP status.
    pub status: u16,
    /// The error code.
    pub code: String,
    /// Its text.
    pub message: String,
}

impl AwsError {
    /// An error of this status, code and text.
    #[must_use]
    pub fn new(status: u16, code: &str, message: impl Into<String>) -> Self {
        Self {
            status,
            code: code.to_owned(),
            message: message.into(),
        }
    }

    /// As `protocol` writes it.
    #[must_use]
    pub fn write(&self, protocol: Protocol) -> Answer {
        let (code, message) = (escape(&self.code), escape(&self.message));
        let (kind, body) = match protocol {
            Protocol::Query => (
                "text/xml",
                format!(
                    "<ErrorResponse xmlns=\"http://webservices.amazon.com/\"><Error><Type>Sender</Type><Code>{code}</Code>\
                     <Message>{message}</Message></Error><RequestId>{REQUEST_ID}</RequestId></ErrorResponse>"
                ),
            ),
            Protocol::Json => (
                "application/x-amz-json-1.1",
                serde_json::json!({"__type": self.code, "message": self.message}).to_string(),
            ),
            Protocol::S3 => (
                "application/xml",
                format!(
                    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code><Message>{message}</Message>\
                     <RequestId>{REQUEST_ID}</RequestId></Error>"
                ),
            ),
            Protocol::Metadata => ("text/html", html(self.status, &self.code)),
        };
        Answer::new(self.status, kind, body)
    }
}

/// Metadata's own error page.
fn html(status: u16, title: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"iso-8859-1\"?>\n<!DOCTYPE html PUBLIC \"-//W3C//DTD XHTML 1.0 Transitional//EN\"\n\
         \t\"http://www.w3.org/TR/xhtml1/DTD/xhtml1-transitional.dtd\">\n<html xmlns=\"http://www.w3.org/1999/xhtml\">\
         <head><title>{status} - {title}</title></head><body><h1>{status} - {title}</h1></body></html>\n"
    )
}

/// Text for the inside of an XML element.
#[must_use]
pub fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

/// A whole answer, before any fault is done to it.
#[derive(Clone, PartialEq, Eq)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Header lines.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

/// Without the body, which may hold values: a fault's words go into the log.
impl fmt::Debug for Answer {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} of {} bytes", self.status, self.body.len())
    }
}

impl Answer {
    /// An answer of this media type.
    #[must_use]
    pub fn new(status: u16, kind: &'static str, body: impl Into<Bytes>) -> Self {
        let mut headers = HeaderMap::new();
        headers.insert("content-type", HeaderValue::from_static(kind));
        Self {
            status,
            headers,
            body: body.into(),
        }
    }

    /// With one more header line.
    #[must_use]
    pub fn header(mut self, name: &'static str, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.insert(HeaderName::from_static(name), value);
        }
        self
    }

    /// As axum sends it.
    #[must_use]
    pub fn respond(self) -> Response<Body> {
        let mut response = Response::new(Body::from(self.body));
        *response.status_mut() =
            StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        *response.headers_mut() = self.headers;
        response
    }
}
