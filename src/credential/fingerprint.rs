//! Which credential is it, without telling what it is? A digest over the scheme and everything that
//! belongs to it, for cache keys, breakers and the store of tokens.

use sha2::{Digest as _, Sha256};

use super::Scheme;

/// A one-way digest of a credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    pub(super) fn of(scheme: &Scheme) -> Self {
        let mut fields = Fields(Sha256::new());
        match scheme {
            Scheme::Lines(lines) => {
                fields.put("lines");
                for line in lines {
                    fields.put(line.name().as_str());
                    fields.put_bytes(line.value().as_bytes());
                }
            }
            Scheme::Query(params) => {
                fields.put("query");
                fields.put(params.encoded());
            }
            Scheme::Signature(signer) => {
                fields.put("aws_sigv4");
                signer.fields().for_each(|field| fields.put(field));
            }
            Scheme::Token(account) => {
                fields.put("google");
                account.fields().for_each(|field| fields.put(field));
            }
        }
        Fingerprint(fields.0.finalize().into())
    }

    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// Fields with their lengths before them, so that no two lists of fields look alike.
struct Fields(Sha256);

impl Fields {
    fn put(&mut self, text: &str) {
        self.put_bytes(text.as_bytes());
    }

    fn put_bytes(&mut self, bytes: &[u8]) {
        self.0.update((bytes.len() as u64).to_be_bytes());
        self.0.update(bytes);
    }
}
