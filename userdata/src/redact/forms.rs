//! How a secret may be written in a text.

use base64::prelude::*;

/// The shortest piece of base64 that is looked for inside a longer text: any shorter is found by chance.
const SHORTEST_CORE: usize = 6;

/// Every form of a secret, without duplicates in mind.
pub(super) fn of(secret: &str) -> Vec<String> {
    let mut forms = written(secret);
    if secret.trim() != secret {
        forms.extend(written(secret.trim()));
    }
    // A text of several lines is often shown, or cut, line by line.
    let lines = secret
        .lines()
        .map(str::trim)
        .filter(|line| line.len() >= super::SHORTEST && *line != secret);
    forms.extend(lines.flat_map(written));
    forms.retain(|form| form.len() >= super::SHORTEST);
    forms
}

fn written(secret: &str) -> Vec<String> {
    let mut forms = vec![secret.to_owned()];
    let json = serde_json::Value::from(secret).to_string();
    let json = json
        .get(1..json.len().saturating_sub(1))
        .unwrap_or_default();
    forms.extend([
        json.to_owned(),
        json.replace('/', "\\/"),
        escape(json, |c| matches!(c, '<' | '>' | '&')),
        escape(json, |c| !c.is_ascii()),
    ]);
    for kept in ["", "!'()*", "!'()*;,/?:@&=+$#"] {
        for upper in [true, false] {
            let percent = percent(secret, kept, upper);
            forms.push(percent.replace("%20", "+"));
            forms.push(percent);
        }
    }
    forms.push(secret.bytes().map(|byte| format!("{byte:02x}")).collect());
    forms.push(secret.bytes().map(|byte| format!("{byte:02X}")).collect());
    forms.extend([
        BASE64_STANDARD.encode(secret),
        BASE64_STANDARD_NO_PAD.encode(secret),
    ]);
    forms.extend([
        BASE64_URL_SAFE.encode(secret),
        BASE64_URL_SAFE_NO_PAD.encode(secret),
    ]);
    forms.extend((0..3).flat_map(|shift| cores(secret, shift)));
    forms
}

/// What every base64 of a text that holds the secret `shift` bytes after a multiple of three holds.
fn cores(secret: &str, shift: usize) -> Vec<String> {
    let mut bytes = vec![0; shift];
    bytes.extend_from_slice(secret.as_bytes());
    // Six bits a character: those that mix in a neighbour's bits are left out.
    let (first, last) = ((shift * 8).div_ceil(6), bytes.len() * 8 / 6);
    let core = |encoded: String| {
        encoded
            .get(first..last)
            .filter(|core| core.len() >= SHORTEST_CORE)
            .map(str::to_owned)
    };
    [
        BASE64_STANDARD_NO_PAD.encode(&bytes),
        BASE64_URL_SAFE_NO_PAD.encode(&bytes),
    ]
    .into_iter()
    .filter_map(core)
    .collect()
}

/// JSON text with some characters as `\uXXXX`, as other languages' encoders write it.
fn escape(json: &str, chosen: impl Fn(char) -> bool) -> String {
    let unit = |unit: &mut u16| format!("\\u{unit:04x}");
    json.chars()
        .map(|c| match chosen(c) {
            true => c.encode_utf16(&mut [0; 2]).iter_mut().map(unit).collect(),
            false => c.to_string(),
        })
        .collect()
}

/// Percent-encoding that leaves unreserved characters and those of `kept`.
fn percent(text: &str, kept: &str, upper: bool) -> String {
    let byte = |byte: u8| {
        let c = char::from(byte);
        match byte.is_ascii_alphanumeric()
            || "-._~".contains(c)
            || (byte.is_ascii() && kept.contains(c))
        {
            true => c.to_string(),
            false if upper => format!("%{byte:02X}"),
            false => format!("%{byte:02x}"),
        }
    };
    text.bytes().map(byte).collect()
}
