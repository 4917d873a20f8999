//! The custom fields of one kind of record.

use std::sync::Arc;

use super::CustomField;

/// The custom fields of one kind, in the order of its forms. Cloning is cheap.
#[derive(Clone, Debug, Default)]
pub struct CustomFields(Arc<[Arc<CustomField>]>);

impl CustomFields {
    /// Those fields, retired ones among them, in any order.
    #[must_use]
    pub fn new(mut fields: Vec<Arc<CustomField>>) -> Self {
        fields.sort_by_key(|field| (field.order, field.no));
        Self(fields.into())
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Those that are in use.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<CustomField>> {
        self.0.iter().filter(|field| !field.retired)
    }

    /// The field in use of that key.
    #[must_use]
    pub fn by_key(&self, key: &str) -> Option<&Arc<CustomField>> {
        self.iter().find(|field| field.key == key)
    }

    /// The field in use of that name: `custom.annual_output`.
    #[must_use]
    pub fn by_name(&self, name: &str) -> Option<&Arc<CustomField>> {
        self.iter().find(|field| field.name == name)
    }

    /// The field of that number, a retired one too.
    #[must_use]
    pub fn ever(&self, no: i64) -> Option<&Arc<CustomField>> {
        self.0.iter().find(|field| field.no == no)
    }
}
