//! Turns a Parquet value of any type into a value of a row: times become RFC 3339, decimals their digits.

use jiff::civil::Date;
use jiff::{Timestamp, ToSpan as _};
use parquet::basic::{ConvertedType, LogicalType, TimeUnit};
use parquet::schema::types::ColumnDescriptor;

use crate::row::Value;

/// What the numbers or bytes of a column stand for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Meaning {
    Plain,
    Unsigned,
    Date,
    /// An instant, with the number of such units in a second; civil time has no zone.
    Time {
        per_second: i64,
        utc: bool,
    },
    /// A time of day.
    TimeOfDay {
        per_second: i64,
    },
    Decimal {
        scale: u32,
    },
    Half,
    /// Bytes that are no text.
    Hex,
}

/// Returns what a column's values stand for.
pub(super) fn meaning_of(column: &ColumnDescriptor) -> Meaning {
    match column.logical_type_ref() {
        Some(LogicalType::Date) => Meaning::Date,
        Some(LogicalType::Timestamp(time)) => {
            Meaning::Time { per_second: per_second(&time.unit), utc: time.is_adjusted_to_u_t_c }
        }
        Some(LogicalType::Time(time)) => Meaning::TimeOfDay { per_second: per_second(&time.unit) },
        Some(LogicalType::Decimal(decimal)) => Meaning::Decimal { scale: decimal.scale.clamp(0, 60).unsigned_abs() },
        Some(LogicalType::Integer(integer)) if !integer.is_signed => Meaning::Unsigned,
        Some(LogicalType::Float16) => Meaning::Half,
        Some(LogicalType::Uuid) => Meaning::Hex,
        _ => by_older_type(column),
    }
}

/// Files of older programs have converted types only.
fn by_older_type(column: &ColumnDescriptor) -> Meaning {
    match column.converted_type() {
        ConvertedType::DATE => Meaning::Date,
        ConvertedType::TIMESTAMP_MILLIS => Meaning::Time { per_second: 1_000, utc: true },
        ConvertedType::TIMESTAMP_MICROS => Meaning::Time { per_second: 1_000_000, utc: true },
        ConvertedType::TIME_MILLIS => Meaning::TimeOfDay { per_second: 1_000 },
        ConvertedType::TIME_MICROS => Meaning::TimeOfDay { per_second: 1_000_000 },
        ConvertedType::DECIMAL => Meaning::Decimal { scale: column.type_scale().clamp(0, 60).unsigned_abs() },
        ConvertedType::UINT_8 | ConvertedType::UINT_16 | ConvertedType::UINT_32 | ConvertedType::UINT_64 => {
            Meaning::Unsigned
        }
        _ => Meaning::Plain,
    }
}

fn per_second(unit: &TimeUnit) -> i64 {
    match unit {
        TimeUnit::MILLIS => 1_000,
        TimeUnit::MICROS => 1_000_000,
        TimeUnit::NANOS => 1_000_000_000,
    }
}

/// Returns an integer of up to 64 bits; none for a time outside of the calendar.
pub(super) fn of_integer(number: i64, bits: u32, meaning: Meaning) -> Option<Value> {
    Some(match meaning {
        Meaning::Unsigned if bits == 32 => Value::Integer(number & 0xffff_ffff),
        Meaning::Unsigned if number < 0 => Value::Text(number.cast_unsigned().to_string()),
        Meaning::Date => Value::Text(Date::constant(1970, 1, 1).checked_add(number.days()).ok()?.to_string()),
        Meaning::Time { per_second, utc } => Value::Text(instant(number, per_second, utc)?),
        Meaning::TimeOfDay { per_second } => Value::Text(instant(number, per_second, false)?.split_off(11)),
        Meaning::Decimal { scale } => Value::Text(decimal(number.into(), scale)),
        _ => Value::Integer(number),
    })
}

/// Returns bytes: a text, or what the column's type says they are.
pub(super) fn of_bytes(bytes: &[u8], meaning: Meaning) -> Option<Value> {
    Some(match meaning {
        Meaning::Decimal { scale } => Value::Text(decimal(signed(bytes)?, scale)),
        Meaning::Half if bytes.len() == 2 => Value::Number(half(u16::from_le_bytes([bytes[0], bytes[1]]))),
        Meaning::Hex => Value::Text(hex(bytes)),
        _ => Value::Text(std::str::from_utf8(bytes).map_or_else(|_| hex(bytes), str::to_owned)),
    })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Returns an instant in RFC 3339, or a civil time in the same form without a zone.
fn instant(number: i64, per_second: i64, utc: bool) -> Option<String> {
    let nanoseconds = i32::try_from(number.rem_euclid(per_second) * (1_000_000_000 / per_second)).ok()?;
    let mut text = Timestamp::new(number.div_euclid(per_second), nanoseconds).ok()?.to_string();
    if !utc {
        text.pop();
    }
    Some(text)
}

/// Returns a big-endian number of at most 16 bytes.
fn signed(bytes: &[u8]) -> Option<i128> {
    let first = *bytes.first()?;
    let mut whole = [if first & 0x80 == 0 { 0 } else { 0xff }; 16];
    let start = 16_usize.checked_sub(bytes.len())?;
    whole[start..].copy_from_slice(bytes);
    Some(i128::from_be_bytes(whole))
}

fn decimal(number: i128, scale: u32) -> String {
    let scale = scale as usize;
    let digits = format!("{:0>width$}", number.unsigned_abs(), width = scale + 1);
    let (whole, part) = digits.split_at(digits.len() - scale);
    let sign = if number < 0 { "-" } else { "" };
    if part.is_empty() { format!("{sign}{whole}") } else { format!("{sign}{whole}.{part}") }
}

/// Returns the value of a 16-bit float.
fn half(bits: u16) -> f64 {
    let sign = if bits & 0x8000 == 0 { 1.0 } else { -1.0 };
    let (exponent, fraction) = (i32::from((bits >> 10) & 0x1f), f64::from(bits & 0x3ff) / 1024.0);
    sign * match exponent {
        0 => fraction * 2_f64.powi(-14),
        31 if fraction == 0.0 => f64::INFINITY,
        31 => f64::NAN,
        _ => (1.0 + fraction) * 2_f64.powi(exponent - 15),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_become_what_they_stand_for() {
        let text = |text: &str| Some(Value::from(text));
        let time = |per_second, utc| Meaning::Time { per_second, utc };
        for (number, bits, meaning, expected) in [
            (-1, 32, Meaning::Unsigned, Some(Value::Integer(4_294_967_295))),
            (-1, 64, Meaning::Unsigned, text("18446744073709551615")),
            (-1, 64, Meaning::Plain, Some(Value::Integer(-1))),
            (20_513, 32, Meaning::Date, text("2026-03-01")),
            (1_772_355_602_000, 64, time(1_000, true), text("2026-03-01T09:00:02Z")),
            (1_772_355_602_500_000, 64, time(1_000_000, false), text("2026-03-01T09:00:02.5")),
            (-1, 64, time(1_000_000_000, true), text("1969-12-31T23:59:59.999999999Z")),
            (i64::MAX, 64, time(1_000, true), None),
            (32_402_000, 32, Meaning::TimeOfDay { per_second: 1_000 }, text("09:00:02")),
            (-5, 32, Meaning::Decimal { scale: 2 }, text("-0.05")),
            (125, 32, Meaning::Decimal { scale: 0 }, text("125")),
        ] {
            assert_eq!(of_integer(number, bits, meaning), expected, "{number} {meaning:?}");
        }
        for (bytes, meaning, expected) in [
            (&[0xff, 0x85][..], Meaning::Decimal { scale: 1 }, text("-12.3")),
            (&[0x00, 0x3c], Meaning::Half, Some(Value::Number(1.0))),
            ("sí".as_bytes(), Meaning::Plain, text("sí")),
            (&[0xff, 0x01], Meaning::Plain, text("ff01")),
        ] {
            assert_eq!(of_bytes(bytes, meaning), expected, "{bytes:?}");
        }
    }
}
