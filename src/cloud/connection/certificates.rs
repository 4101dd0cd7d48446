//! The certificates by which AWS's servers are known. Without any, as in a bare container, the SDK would retry each call and
//! say something of an unknown issuer.

use std::env;
use std::path::Path;

use crate::error::{Error, Result};

/// Where most systems have them. Looked for first: to read them all takes longer than to start.
const BUNDLES: [&str; 3] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/cert.pem",
];
/// These say where else.
const VARIABLES: [&str; 2] = ["SSL_CERT_FILE", "SSL_CERT_DIR"];

/// Looks whether there are any, if they will be needed.
///
/// # Errors
/// A failure where there are none.
pub(super) fn look(endpoint: Option<&str>) -> Result<()> {
    let of_variable = env::var("AWS_ENDPOINT_URL").ok();
    let plain = endpoint
        .or(of_variable.as_deref())
        .is_some_and(|url| url.starts_with("http:"));
    let named = VARIABLES.iter().find(|name| env::var_os(name).is_some());
    // Other systems keep theirs in no file.
    if !cfg!(target_os = "linux")
        || plain
        || (named.is_none() && BUNDLES.iter().any(|bundle| Path::new(bundle).exists()))
    {
        return Ok(());
    }
    if !rustls_native_certs::load_native_certs().certs.is_empty() {
        return Ok(());
    }
    Err(match named {
        Some(name) => Error::failed(format!("there are no CA certificates where {name} says")),
        None => Error::failed("there are no CA certificates on this machine, by which AWS's servers are known"),
    }
    .with_help("install the system's package `ca-certificates`, or name a file of certificates in SSL_CERT_FILE"))
}
