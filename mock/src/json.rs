//! Writes JSON text with the keys in the order given, as providers do (a sorted map would put
//! `choices` before `id`). Only a writer: request bodies are read with serde elsewhere.

use std::fmt::Write as _;

/// A piece of finished JSON text.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Json(pub(crate) String);

/// A value that can write itself as JSON text.
pub(crate) trait ToJson {
    /// Appends this value's JSON text to `out`.
    fn write(&self, out: &mut String);
}

/// The JSON literal `null`.
pub(crate) struct Null;

/// Appends `"key":value` to an object that is still open.
pub(crate) fn field(out: &mut String, key: &str, value: &(impl ToJson + ?Sized)) {
    if !out.ends_with('{') {
        out.push(',');
    }
    key.write(out);
    out.push(':');
    value.write(out);
}

/// Builds a [`Json`] object, keys in the order written.
macro_rules! object {
    ($($key:literal : $value:expr),* $(,)?) => {{
        #[allow(unused_mut)]
        let mut out = String::with_capacity(128);
        out.push('{');
        $($crate::json::field(&mut out, $key, &$value);)*
        out.push('}');
        $crate::json::Json(out)
    }};
}
pub(crate) use object;

impl ToJson for Json {
    fn write(&self, out: &mut String) {
        out.push_str(&self.0);
    }
}

impl ToJson for Null {
    fn write(&self, out: &mut String) {
        out.push_str("null");
    }
}

impl ToJson for str {
    fn write(&self, out: &mut String) {
        out.push('"');
        for character in self.chars() {
            match character {
                '"' => out.push_str("\\\""),
                '\\' => out.push_str("\\\\"),
                '\n' => out.push_str("\\n"),
                '\r' => out.push_str("\\r"),
                '\t' => out.push_str("\\t"),
                control if control < ' ' => {
                    let _ = write!(out, "\\u{:04x}", control as u32);
                }
                plain => out.push(plain),
            }
        }
        out.push('"');
    }
}

impl ToJson for String {
    fn write(&self, out: &mut String) {
        self.as_str().write(out);
    }
}

impl<T: ToJson + ?Sized> ToJson for &T {
    fn write(&self, out: &mut String) {
        (**self).write(out);
    }
}

impl<T: ToJson> ToJson for Option<T> {
    fn write(&self, out: &mut String) {
        match self {
            Some(value) => value.write(out),
            None => Null.write(out),
        }
    }
}

impl<T: ToJson> ToJson for [T] {
    fn write(&self, out: &mut String) {
        out.push('[');
        for (index, item) in self.iter().enumerate() {
            if index > 0 {
                out.push(',');
            }
            item.write(out);
        }
        out.push(']');
    }
}

impl<T: ToJson> ToJson for Vec<T> {
    fn write(&self, out: &mut String) {
        self.as_slice().write(out);
    }
}

impl<T: ToJson, const N: usize> ToJson for [T; N] {
    fn write(&self, out: &mut String) {
        self.as_slice().write(out);
    }
}

macro_rules! plain_numbers {
    ($($number:ty),*) => {$(
        impl ToJson for $number {
            fn write(&self, out: &mut String) {
                let _ = write!(out, "{self}");
            }
        }
    )*};
}
plain_numbers!(bool, u8, u16, u64, i64, usize, f32, f64);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_keep_the_order_they_were_given_in() {
        let json = object! { "z": 1u64, "a": [true, false], "m": Null, "o": object! {} };
        assert_eq!(json.0, r#"{"z":1,"a":[true,false],"m":null,"o":{}}"#);
    }

    #[test]
    fn text_reads_back_as_it_was() {
        let nasty = "quote \" back \\ line \n\r\t bell \u{7} naïve 🙂 {";
        let json = object! { "text": nasty, "then": 1.5f64 };
        let read: serde_json::Value = serde_json::from_str(&json.0).unwrap();
        assert_eq!(read["text"], nasty);
        assert_eq!(read["then"], 1.5);
    }
}
