//! Reads certificates and private keys from the PEM files that the settings name (RFC 7468).

use std::path::Path;

use rustls::pki_types::{
    CertificateDer, PrivateKeyDer,
    pem::{self, PemObject as _},
};

use super::TlsError;

/// A PEM file, and the key of the settings that names it.
#[derive(Debug, Clone, Copy)]
pub struct PemFile<'a> {
    pub key: &'a str,
    pub path: &'a Path,
}

impl PemFile<'_> {
    /// The certificates in the file, at least one.
    ///
    /// # Errors
    /// The file cannot be read, or has no certificate.
    pub fn certificates(self) -> Result<Vec<CertificateDer<'static>>, TlsError> {
        let found = CertificateDer::pem_file_iter(self.path)
            .and_then(Iterator::collect::<Result<Vec<_>, _>>)
            .map_err(|error| self.unusable(&error))?;
        match found.is_empty() {
            true => Err(self.unusable(&"there is no PEM certificate in it")),
            false => Ok(found),
        }
    }

    /// The first private key in the file.
    ///
    /// # Errors
    /// The file cannot be read, or has no private key.
    pub fn private_key(self) -> Result<PrivateKeyDer<'static>, TlsError> {
        PrivateKeyDer::from_pem_file(self.path).map_err(|error| match error {
            pem::Error::NoItemsFound => self.unusable(&"there is no PEM private key in it"),
            error => self.unusable(&error),
        })
    }

    fn unusable(self, reason: &dyn std::fmt::Display) -> TlsError {
        TlsError::File {
            key: self.key.to_owned(),
            path: self.path.display().to_string(),
            reason: reason.to_string(),
        }
    }
}
