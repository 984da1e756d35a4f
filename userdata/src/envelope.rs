//! gzip, base64 and MIME around a document, bounded after decompression.
