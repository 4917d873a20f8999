//! The decoders of sealing hold what `fuzz/properties.rs` says of them, for inputs that proptest makes up.

#[cfg(test)]
#[path = "../../../fuzz/properties.rs"]
mod properties;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use crate::properties;

    fn cases(cases: u32) -> ProptestConfig {
        ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
    }

    fn bytes(length: usize) -> impl Strategy<Value = Vec<u8>> {
        prop::collection::vec(any::<u8>(), 0..length)
    }

    /// Bytes that are text in one case of two: arbitrary ones hardly ever are.
    fn text_or_bytes() -> impl Strategy<Value = Vec<u8>> {
        prop_oneof![bytes(200), (bytes(20), ".{0,60}").prop_map(|(head, text)| [head, text.into_bytes()].concat())]
    }

    proptest! {
        #![proptest_config(cases(20_000))]

        #[test]
        fn a_cell_opens_where_it_was_sealed_and_nowhere_else(data in text_or_bytes()) {
            properties::cell(&data);
        }

        #[test]
        fn a_code_fits_its_message_alone(data in bytes(120)) {
            properties::code(&data);
        }

        #[test]
        fn a_token_is_what_stands_there(data in prop_oneof![bytes(160), "[-A-Za-z0-9_]{60,66}".prop_map(String::into_bytes)]) {
            properties::token(&data);
        }
    }

    proptest! {
        #![proptest_config(cases(4_000))]

        #[test]
        fn a_root_opens_for_its_organisation_number_and_purpose(data in bytes(80)) {
            properties::root_of_keys(&data);
        }
    }

    proptest! {
        #![proptest_config(cases(200))]

        #[test]
        fn every_bit_and_every_length_of_a_cell_counts(data in bytes(120)) {
            properties::whole_cell(&data);
        }
    }
}
