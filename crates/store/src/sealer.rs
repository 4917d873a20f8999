//! Sealed columns of record rows: cells out of values, values out of cells.

use std::collections::HashSet;

use sea_orm::ActiveValue;
use uuid::Uuid;

use crate::crypto::cell::FieldPath;
use crate::crypto::roots::KeyRing;
use crate::failure::Failure;

/// Seals the columns of one row.
pub(crate) struct Sealer<'a> {
    ring: &'a KeyRing,
    row: Uuid,
    /// The fields that are written; all of them for a new row.
    only: Option<&'a HashSet<&'static str>>,
}

impl<'a> Sealer<'a> {
    pub(crate) fn new(ring: &'a KeyRing, row: Uuid, only: Option<&'a HashSet<&'static str>>) -> Self {
        Self { ring, row, only }
    }

    /// Whether the columns of a field are written.
    pub(crate) fn writes(&self, field: &str) -> bool {
        self.only.is_none_or(|only| only.contains(field))
    }

    /// The column of a sealed field; untouched where the field is not written.
    pub(crate) fn cell(
        &self,
        field: &'static str,
        path: FieldPath,
        value: Option<&str>,
    ) -> Result<ActiveValue<Option<Vec<u8>>>, Failure> {
        if !self.writes(field) {
            return Ok(ActiveValue::NotSet);
        }
        let cell = value.map(|value| self.ring.seal(path, self.row, value.as_bytes())).transpose()?;
        Ok(ActiveValue::Set(cell))
    }
}

/// Opens the columns of rows.
pub(crate) struct Opener<'a>(pub(crate) &'a KeyRing);

impl Opener<'_> {
    /// The text of a cell, or nothing where the column is null.
    pub(crate) fn text(&self, path: FieldPath, row: Uuid, cell: Option<&[u8]>) -> Result<Option<String>, Failure> {
        Ok(cell.map(|cell| self.0.open_text(path, row, cell)).transpose()?)
    }

    /// A value that is parsed from the text of a cell.
    pub(crate) fn value<T>(
        &self,
        path: FieldPath,
        row: Uuid,
        cell: Option<&[u8]>,
        parse: impl FnOnce(String) -> Option<T>,
    ) -> Result<Option<T>, Failure> {
        match self.text(path, row, cell)? {
            None => Ok(None),
            Some(text) => match parse(text) {
                Some(value) => Ok(Some(value)),
                None => Err(Failure::Internal(format!("{path} of {row} is not what is kept there"))),
            },
        }
    }
}
