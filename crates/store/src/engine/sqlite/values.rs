//! Values between sea-query and SQLite.
//!
//! A value is read back by the declared type of its column, as sea-query's schema builder writes it:
//!
//! | schema builder | declared in SQLite | stored as | Rust type of the entity field |
//! |---|---|---|---|
//! | `big_integer` | `integer` | integer | `i64` |
//! | `boolean` | `boolean` | 0 or 1 | `bool` |
//! | `double` | `double` | real | `f64` |
//! | `text`, `string`, `enumeration` | `text`, `varchar(n)`, `enum_text` | text | `String` |
//! | `blob`, `binary`, `var_binary` | `blob`, `blob(n)`, `varbinary_blob(n)` | blob | `Vec<u8>` |
//! | `uuid` | `uuid_text` | blob of 16 bytes | `Uuid` |
//! | `timestamp_with_time_zone` | `timestamp_ms_integer` | integer, milliseconds since 1970 | `DateTimeUtc` |
//! | `json`, `json_binary` | `json_text`, `jsonb_text` | text | `Json` |
//!
//! A field of another type than the table says would read as missing (`None`), without an error: `i32` and
//! `DateTimeWithTimeZone` are wrong on SQLite. (`integer` is wrong too: its fields are `i64` here and `i32` on
//! PostgreSQL.)
//!
//! An expression (`max(updated_at)`, a sub-select, a full-text column) has no declared type. An integer or NULL is
//! read as it is; anything else must say what it is in its alias, see [`Kind::alias`].

use chrono::{DateTime, Utc};
use rusqlite::types::{ToSql, ToSqlOutput, ValueRef};
use sea_orm::{Value, sea_query::OptionEnum};
use uuid::Uuid;

use crate::engine::error::Fault;

/// What a column or an expression holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `i64`; alias suffix `__int`.
    Integer,
    /// `bool`; alias suffix `__bool`.
    Bool,
    /// `f64`; alias suffix `__real`.
    Real,
    /// `String`; alias suffix `__text`.
    Text,
    /// `Vec<u8>`; alias suffix `__bytes`.
    Bytes,
    /// `Uuid`; alias suffix `__uuid`.
    Uuid,
    /// `DateTimeUtc`; alias suffix `__ms`.
    Millis,
    /// `Json`; alias suffix `__json`.
    Json,
}

impl Kind {
    const ALL: [(Kind, &'static str); 8] = [
        (Kind::Integer, "int"),
        (Kind::Bool, "bool"),
        (Kind::Real, "real"),
        (Kind::Text, "text"),
        (Kind::Bytes, "bytes"),
        (Kind::Uuid, "uuid"),
        (Kind::Millis, "ms"),
        (Kind::Json, "json"),
    ];

    /// The alias under which an expression of this kind is selected **and read**, on both engines:
    /// `Kind::Millis.alias("last")` is `last__ms`. A derived struct says `#[sea_orm(from_alias = "last__ms")]`.
    #[must_use]
    pub fn alias(self, name: &str) -> String {
        let suffix = Self::ALL.iter().find(|(kind, _)| *kind == self).map_or("", |(_, suffix)| suffix);
        format!("{name}__{suffix}")
    }

    /// By declared type, else by alias.
    pub(crate) fn of(declared: Option<&str>, name: &str) -> Option<Self> {
        declared.and_then(Self::declared).or_else(|| {
            let (_, suffix) = name.rsplit_once("__")?;
            Self::ALL.iter().find(|(_, known)| *known == suffix).map(|(kind, _)| *kind)
        })
    }

    fn declared(declared: &str) -> Option<Self> {
        let word = declared.split('(').next().unwrap_or_default().trim().to_ascii_lowercase();
        Some(match word.as_str() {
            "integer" | "bigint" | "int" | "smallint" | "tinyint" => Kind::Integer,
            "boolean" => Kind::Bool,
            "double" | "real" => Kind::Real,
            "text" | "varchar" | "char" | "enum_text" => Kind::Text,
            "blob" | "varbinary_blob" => Kind::Bytes,
            "uuid_text" => Kind::Uuid,
            TIMESTAMP => Kind::Millis,
            "json_text" | "jsonb_text" => Kind::Json,
            _ => return None,
        })
    }
}

/// Declared type of a time. It must contain `INT`: SQLite derives the affinity of a column from its name.
const TIMESTAMP: &str = "timestamp_ms_integer";

/// sea-query declares times `timestamp_with_timezone_text`, which has text affinity: SQLite would turn our integers
/// into texts, and texts sort wrongly. Migrations go through this, so that the schema builder can be used as it is.
pub(crate) fn ddl(sql: &str) -> String {
    sql.replace("timestamp_with_timezone_text", TIMESTAMP)
}

/// The whole milliseconds of a time, rounded towards the past: what both engines keep.
pub(crate) fn whole_millis(time: DateTime<Utc>) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(time.timestamp_millis()).unwrap_or(time)
}

/// A value to bind.
pub(crate) struct Bound<'a>(pub(crate) &'a Value);

impl ToSql for Bound<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        let wide = |v: u64| {
            i64::try_from(v).map_err(|_| rusqlite::Error::ToSqlConversionFailure("integer beyond 63 bits".into()))
        };
        Ok(match self.0 {
            Value::Bool(v) => owned(v.map(i64::from)),
            Value::TinyInt(v) => owned(v.map(i64::from)),
            Value::SmallInt(v) => owned(v.map(i64::from)),
            Value::Int(v) => owned(v.map(i64::from)),
            Value::BigInt(v) => owned(*v),
            Value::TinyUnsigned(v) => owned(v.map(i64::from)),
            Value::SmallUnsigned(v) => owned(v.map(i64::from)),
            Value::Unsigned(v) => owned(v.map(i64::from)),
            Value::BigUnsigned(v) => owned(v.map(wide).transpose()?),
            Value::Double(v) => owned(*v),
            Value::String(v) => borrowed(v.as_deref().map(|text| ValueRef::Text(text.as_bytes()))),
            Value::Bytes(v) => borrowed(v.as_deref().map(ValueRef::Blob)),
            Value::Uuid(v) => borrowed(v.as_ref().map(|id| ValueRef::Blob(id.as_bytes()))),
            Value::ChronoDateTimeUtc(v) => owned(v.map(|time| time.timestamp_millis())),
            Value::Json(v) => owned(v.as_ref().map(ToString::to_string)),
            Value::Enum(OptionEnum::Some(v)) => borrowed(Some(ValueRef::Text(v.value.as_bytes()))),
            Value::Enum(OptionEnum::None(_)) => borrowed(None),
            // Anything else could be written, but not read back as what it was.
            _ => return Err(rusqlite::Error::ToSqlConversionFailure("type without a mapping to SQLite".into())),
        })
    }
}

fn owned<T: Into<rusqlite::types::Value>>(value: Option<T>) -> ToSqlOutput<'static> {
    ToSqlOutput::Owned(value.map_or(rusqlite::types::Value::Null, Into::into))
}

fn borrowed(value: Option<ValueRef<'_>>) -> ToSqlOutput<'_> {
    ToSqlOutput::Borrowed(value.unwrap_or(ValueRef::Null))
}

/// One value of a row. `name` is the column's, for the error.
pub(crate) fn read(kind: Option<Kind>, value: ValueRef<'_>, name: &str) -> Result<Value, Fault> {
    let wrong = || Fault::mapping(format!("column {name} holds something else than its type says"));
    Ok(match (kind, value) {
        // sea-orm takes a NULL of any variant.
        (_, ValueRef::Null) => Value::BigInt(None),
        (None | Some(Kind::Integer), ValueRef::Integer(v)) => Value::BigInt(Some(v)),
        (None, _) => return Err(Fault::mapping(format!("column {name} has no type: name it in the alias"))),
        (Some(Kind::Bool), ValueRef::Integer(v)) => Value::Bool(Some(v != 0)),
        (Some(Kind::Real), ValueRef::Real(v)) => Value::Double(Some(v)),
        (Some(Kind::Text), ValueRef::Text(v)) => {
            Value::String(Some(std::str::from_utf8(v).map_err(|_| wrong())?.to_owned()))
        }
        (Some(Kind::Bytes), ValueRef::Blob(v)) => Value::Bytes(Some(v.to_vec())),
        (Some(Kind::Uuid), ValueRef::Blob(v)) => Value::Uuid(Some(Uuid::from_slice(v).map_err(|_| wrong())?)),
        (Some(Kind::Millis), ValueRef::Integer(v)) => {
            Value::ChronoDateTimeUtc(Some(DateTime::from_timestamp_millis(v).ok_or_else(wrong)?))
        }
        (Some(Kind::Json), ValueRef::Text(v)) => {
            Value::Json(Some(Box::new(serde_json::from_slice(v).map_err(|_| wrong())?)))
        }
        (Some(_), _) => return Err(wrong()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_comes_from_the_declaration_before_the_alias() {
        assert_eq!(Kind::of(Some("VARCHAR(20)"), "a__ms"), Some(Kind::Text));
        assert_eq!(Kind::of(Some("timestamp_ms_integer"), "a"), Some(Kind::Millis));
        assert_eq!(Kind::of(None, "last__ms"), Some(Kind::Millis));
        assert_eq!(Kind::of(None, "last"), None);
        assert_eq!(Kind::of(Some("timestamp_with_timezone_text"), "a"), None);
        for (kind, _) in Kind::ALL {
            assert_eq!(Kind::of(None, &kind.alias("x")), Some(kind));
        }
    }

    #[test]
    fn what_does_not_fit_is_an_error_and_not_a_null() {
        assert!(read(None, ValueRef::Text(b"x"), "c").is_err());
        assert!(read(None, ValueRef::Real(1.0), "c").is_err());
        assert!(read(Some(Kind::Integer), ValueRef::Text(b"7"), "c").is_err());
        assert!(read(Some(Kind::Uuid), ValueRef::Blob(b"short"), "c").is_err());
        assert!(read(Some(Kind::Json), ValueRef::Text(b"{"), "c").is_err());
        assert_eq!(read(None, ValueRef::Integer(7), "c").unwrap(), Value::BigInt(Some(7)));
        assert_eq!(read(None, ValueRef::Null, "c").unwrap(), Value::BigInt(None));
    }

    #[test]
    fn only_what_can_be_read_back_is_bound() {
        assert!(Bound(&Value::Float(Some(1.0))).to_sql().is_err());
        assert!(Bound(&Value::ChronoDateTimeWithTimeZone(Some(DateTime::UNIX_EPOCH.fixed_offset()))).to_sql().is_err());
        assert!(Bound(&Value::BigUnsigned(Some(u64::MAX))).to_sql().is_err());
    }

    #[test]
    fn milliseconds_round_towards_the_past() {
        let before = DateTime::from_timestamp(-1, 999_999_999).unwrap();
        assert_eq!(whole_millis(before).timestamp_millis(), -1);
        let after = DateTime::from_timestamp(1, 1_999_999).unwrap();
        assert_eq!(whole_millis(after).timestamp_subsec_nanos(), 1_000_000);
    }
}
