//! The providers the gateway knows by name: where they are and where their key goes.
