//! What a launch template may say to firstlight: bytes in, a spec or errors out.
//!
//! Pure: no I/O, no clock, no runtime. The caller brings the bytes and, later, the values.
//!
//! ```text
//! bytes ──envelope──▶ documents ──document──▶ nodes with spans ──merge──▶ one node
//!       ──decode──▶ Spec<Unresolved> ──resolve(values)──▶ Spec<Resolved>
//! ```
//!
//! The rooms:
//! - [`diagnostic`]: a problem, where it is, and what to do about it; drawn or as JSON
//! - [`node`]: a YAML document as a tree that remembers where each piece stood
//! - [`envelope`]: gzip, base64 and MIME around a document, bounded
//! - [`sources`]: drop-ins, user data and includes, in rank; merging
//! - [`value`]: durations, sizes, ports, modes, image references: valid or not built
//! - [`reference`](mod@reference): `{{ssm:…}}` and its kin, inside a string
//! - [`spec`]: the whole of what may be said, in two phases
//! - [`order`]: who waits for whom
//! - [`resolve`]: from a spec with references to a spec with values
//! - [`schema`]: the JSON Schema, from the declarations that decode
//! - [`redact`]: a text with every secret in it replaced by its reference

mod decode;
pub mod diagnostic;
pub mod envelope;
pub mod node;
pub mod order;
pub mod redact;
pub mod reference;
pub mod resolve;
pub mod schema;
pub mod sources;
pub mod spec;
pub mod value;
