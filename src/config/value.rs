//! The kinds of values a setting can have, each read from text in one way: the same in the file,
//! the environment and the flags. Defaults and rules between settings are not here.

use std::fmt;
use std::marker::PhantomData;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::num::NonZeroUsize;
use std::time::Duration;

use serde::de::{Error, Unexpected, Visitor};

/// A kind of value. Refusals all read "must be {EXPECTED}" and never repeat the value, which may
/// be a secret in the wrong place.
pub trait Kind: Sized {
    /// What is allowed, after "must be".
    const EXPECTED: &'static str;

    /// Reads text from the file, the environment or a flag.
    fn from_text(text: &str) -> Option<Self>;

    /// Reads a plain number of the file.
    fn from_whole(_number: u64) -> Option<Self> {
        None
    }

    /// Reads `true` or `false` of the file.
    fn from_bool(_claim: bool) -> Option<Self> {
        None
    }
}

/// Reads a flag's text.
///
/// # Errors
/// The sentence that says what is allowed.
pub fn from_flag<T: Kind>(text: &str) -> Result<T, String> {
    T::from_text(text).ok_or_else(|| format!("must be {}", T::EXPECTED))
}

pub(super) struct KindVisitor<T>(pub PhantomData<T>);

impl<T: Kind> Visitor<'_> for KindVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(T::EXPECTED)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        T::from_text(text).ok_or_else(|| E::invalid_value(Unexpected::Other("text"), &self))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<T, E> {
        T::from_whole(number).ok_or_else(|| E::invalid_value(Unexpected::Other("number"), &self))
    }

    fn visit_bool<E: Error>(self, claim: bool) -> Result<T, E> {
        T::from_bool(claim).ok_or_else(|| E::invalid_value(Unexpected::Other("bool"), &self))
    }
}

/// Lets a [`Kind`] stand in the structs of the settings file.
macro_rules! read_as_kind {
    ($($kind:ty),* $(,)?) => {$(
        impl<'de> serde::Deserialize<'de> for $kind {
            fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                from.deserialize_any($crate::config::value::KindVisitor(std::marker::PhantomData))
            }
        }
    )*};
}
pub(super) use read_as_kind;

read_as_kind!(
    Listen,
    Workers,
    Period,
    Delay,
    ByteSize,
    Unlimited<Period>,
    Unlimited<ByteSize>,
    Count,
    Nameserver
);

/// An address to listen on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Listen(pub SocketAddr);

impl Kind for Listen {
    const EXPECTED: &'static str =
        "an IP address and a port such as 127.0.0.1:8787 or [::1]:8787, or localhost:8787";

    fn from_text(text: &str) -> Option<Self> {
        if let Some(port) = text.strip_prefix("localhost:") {
            let port = port.parse().ok()?;
            return Some(Self(SocketAddr::new(Ipv4Addr::LOCALHOST.into(), port)));
        }
        text.parse().ok().map(Self)
    }
}

/// A number of worker threads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Workers(pub NonZeroUsize);

impl Kind for Workers {
    const EXPECTED: &'static str = "a whole number from 1 to 1024";

    fn from_text(text: &str) -> Option<Self> {
        text.parse().ok().and_then(Self::from_whole)
    }

    fn from_whole(number: u64) -> Option<Self> {
        let number = usize::try_from(number)
            .ok()
            .filter(|count| *count <= 1024)?;
        NonZeroUsize::new(number).map(Self)
    }
}

/// A number of connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Count(pub usize);

impl Kind for Count {
    const EXPECTED: &'static str = "a whole number from 1 to 1000000";

    fn from_text(text: &str) -> Option<Self> {
        text.parse().ok().and_then(Self::from_whole)
    }

    fn from_whole(number: u64) -> Option<Self> {
        let number = usize::try_from(number).ok()?;
        (1..=1_000_000).contains(&number).then_some(Self(number))
    }
}

/// A week: a longer wait is a slip of the keyboard.
const LONGEST: Duration = Duration::from_secs(7 * 24 * 3600);

/// A duration that is not zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Period(pub Duration);

impl Kind for Period {
    const EXPECTED: &'static str =
        "a duration such as 250ms, 5s, 1m or 2h, or whole milliseconds; above zero, at most 168h";

    fn from_text(text: &str) -> Option<Self> {
        duration(text).filter(|it| !it.is_zero()).map(Self)
    }

    fn from_whole(number: u64) -> Option<Self> {
        milliseconds(number).filter(|it| !it.is_zero()).map(Self)
    }
}

/// A duration that may be zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delay(pub Duration);

impl Kind for Delay {
    const EXPECTED: &'static str =
        "a duration such as 250ms, 5s, 1m or 2h, or whole milliseconds; zero or more, at most 168h";

    fn from_text(text: &str) -> Option<Self> {
        duration(text).map(Self)
    }

    fn from_whole(number: u64) -> Option<Self> {
        milliseconds(number).map(Self)
    }
}

fn milliseconds(count: u64) -> Option<Duration> {
    Some(Duration::from_millis(count)).filter(|it| *it <= LONGEST)
}

/// Plain digits are milliseconds, as in the config object.
fn duration(text: &str) -> Option<Duration> {
    let (count, unit) = number_and_unit(text)?;
    let factor = match unit {
        "" | "ms" => 1,
        "s" => 1000,
        "m" => 60 * 1000,
        "h" => 3600 * 1000,
        _ => return None,
    };
    milliseconds(count.checked_mul(factor)?)
}

/// A size in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ByteSize(pub u64);

impl Kind for ByteSize {
    const EXPECTED: &'static str =
        "a size such as 64KiB, 32MiB, 1GiB, 500kB, 32MB or 1GB, or whole bytes; at most 1024GiB";

    fn from_text(text: &str) -> Option<Self> {
        let (count, unit) = number_and_unit(text)?;
        let factor = match unit.to_ascii_lowercase().as_str() {
            "" | "b" => 1,
            "kb" => 1000,
            "mb" => 1000 * 1000,
            "gb" => 1000 * 1000 * 1000,
            "kib" => 1 << 10,
            "mib" => 1 << 20,
            "gib" => 1 << 30,
            _ => return None,
        };
        Self::from_whole(count.checked_mul(factor)?)
    }

    fn from_whole(number: u64) -> Option<Self> {
        (number <= 1 << 40).then_some(Self(number))
    }
}

fn number_and_unit(text: &str) -> Option<(u64, &str)> {
    let end = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let (digits, unit) = text.split_at(end);
    Some((digits.parse().ok()?, unit.trim_start()))
}

/// A value, or `none` for no limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unlimited<T>(pub Option<T>);

impl<T: OrNone> Kind for Unlimited<T> {
    const EXPECTED: &'static str = T::OR_NONE;

    fn from_text(text: &str) -> Option<Self> {
        match text {
            "none" => Some(Self(None)),
            _ => T::from_text(text).map(|it| Self(Some(it))),
        }
    }

    fn from_whole(number: u64) -> Option<Self> {
        T::from_whole(number).map(|it| Self(Some(it)))
    }
}

/// A kind that can be switched off with the word `none`.
pub trait OrNone: Kind {
    /// What is allowed, `none` included.
    const OR_NONE: &'static str;
}

impl OrNone for Period {
    const OR_NONE: &'static str =
        "none, or a duration such as 30s, 5m or 2h, or whole milliseconds above zero, at most 168h";
}

impl OrNone for ByteSize {
    const OR_NONE: &'static str =
        "none, or a size such as 64KiB, 32MiB, 1GiB or 32MB, or whole bytes; at most 1024GiB";
}

/// A DNS server; the port is 53 where none is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Nameserver(pub SocketAddr);

impl Kind for Nameserver {
    const EXPECTED: &'static str = "an IP address such as 9.9.9.9 or 2620:fe::fe, or one with a \
                                    port such as 127.0.0.1:5353 or [::1]:53";

    fn from_text(text: &str) -> Option<Self> {
        let address: Option<IpAddr> = text.parse().ok();
        let with_port = || text.parse().ok();
        let address = address.map(|ip| SocketAddr::new(ip, 53));
        address
            .or_else(with_port)
            .filter(|it| it.port() != 0)
            .map(Self)
    }
}

impl Kind for bool {
    const EXPECTED: &'static str = "true or false";

    fn from_text(text: &str) -> Option<Self> {
        match text {
            "true" | "1" => Some(true),
            "false" | "0" => Some(false),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_take_a_unit_or_are_milliseconds() {
        let table = [
            ("250ms", Some(250)),
            ("5s", Some(5_000)),
            ("1m", Some(60_000)),
            ("2h", Some(7_200_000)),
            ("5 s", Some(5_000)),
            ("1500", Some(1_500)),
            ("168h", Some(604_800_000)),
            ("169h", None),
            ("0s", Some(0)),
            ("", None),
            ("s", None),
            ("-5s", None),
            ("1.5s", None),
            ("1m30s", None),
            ("5S", None),
            ("5d", None),
            ("99999999999999999999h", None),
            ("9999999999999999999h", None),
        ];
        for (text, expected) in table {
            let expected = expected.map(|ms| Delay(Duration::from_millis(ms)));
            assert_eq!(Delay::from_text(text), expected, "{text}");
        }
        assert_eq!(Period::from_text("0s"), None);
        assert_eq!(Period::from_whole(0), None);
        assert_eq!(
            Unlimited::<Period>::from_text("none"),
            Some(Unlimited(None))
        );
    }

    #[test]
    fn sizes_tell_binary_and_decimal_units_apart() {
        let table = [
            ("0", Some(0)),
            ("12", Some(12)),
            ("12B", Some(12)),
            ("64KiB", Some(65_536)),
            ("32MiB", Some(33_554_432)),
            ("32MB", Some(32_000_000)),
            ("32mb", Some(32_000_000)),
            ("1GiB", Some(1_073_741_824)),
            ("1024GiB", Some(1 << 40)),
            ("1025GiB", None),
            ("32M", None),
            ("MiB", None),
            ("1.5MiB", None),
        ];
        for (text, expected) in table {
            assert_eq!(ByteSize::from_text(text), expected.map(ByteSize), "{text}");
        }
    }

    #[test]
    fn addresses_are_ip_addresses_or_localhost() {
        let table = [
            ("127.0.0.1:8787", Some("127.0.0.1:8787")),
            ("[::1]:80", Some("[::1]:80")),
            ("0.0.0.0:0", Some("0.0.0.0:0")),
            ("localhost:8787", Some("127.0.0.1:8787")),
            ("localhost", None),
            (":8787", None),
            ("8787", None),
            ("example.com:80", None),
            ("127.0.0.1", None),
        ];
        for (text, expected) in table {
            let expected = expected.map(|it| Listen(it.parse().unwrap()));
            assert_eq!(Listen::from_text(text), expected, "{text}");
        }
        assert_eq!(Nameserver::from_text("9.9.9.9").unwrap().0.port(), 53);
        assert_eq!(Nameserver::from_text("[::1]:5353").unwrap().0.port(), 5353);
        assert_eq!(Nameserver::from_text("dns.example"), None);
    }
}
