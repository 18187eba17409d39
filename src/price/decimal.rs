//! JSON numbers as whole numbers of billionths, without the detour over binary fractions.

use serde_json::Number;

const DECIMALS: i32 = 9;

/// Billionths of `number` times ten to the power of `shift`, rounded; `None`: it is negative or too
/// large.
pub fn nano(number: &Number, shift: i32) -> Option<u64> {
    // The shortest text that is read as the same number.
    let text = match number.as_u64() {
        Some(whole) => format!("{whole}e0"),
        None => format!("{:e}", number.as_f64().filter(|it| it.is_finite())?),
    };
    let (mantissa, exponent) = text.split_once('e')?;
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits: u64 = format!("{whole}{fraction}").parse().ok()?;
    let length = i32::try_from(fraction.len()).ok()?;
    let exponent = exponent.parse::<i32>().ok()? + shift + DECIMALS - length;
    scaled(digits, exponent)
}

fn scaled(digits: u64, exponent: i32) -> Option<u64> {
    let power = 10_u64.checked_pow(exponent.unsigned_abs());
    match (exponent >= 0, power) {
        (true, Some(power)) => digits.checked_mul(power),
        (true, None) => (digits == 0).then_some(0),
        (false, Some(power)) => {
            Some(digits / power + u64::from(digits % power >= power.div_ceil(2)))
        }
        (false, None) => Some(0),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn numbers_are_read_by_their_digits() {
        for (written, shift, expected) in [
            (json!(0), 0, Some(0)),
            (json!(3), 0, Some(3_000_000_000)),
            (json!(0.15), 0, Some(150_000_000)),
            (json!(0.0375), 0, Some(37_500_000)),
            (json!(1.5e-07), 6, Some(150_000_000)),
            (json!(0.00003), 6, Some(30_000_000_000)),
            // What the binary fractions of other programs' sums leave.
            (json!(2.499_999_999_999_999_6e-06), 6, Some(2_500_000_000)),
            (json!(1e-30), 0, Some(0)),
            (json!(5e-10), 0, Some(1)),
            (json!(4e-10), 0, Some(0)),
            (json!(-1), 0, None),
            (json!(-0.5), 0, None),
            (json!(1e300), 0, None),
            (json!(18_446_744_073_709_551_615_u64), 0, None),
        ] {
            let number = written.as_number().expect("a number");
            assert_eq!(nano(number, shift), expected, "{written}");
        }
    }
}
