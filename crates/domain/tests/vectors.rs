//! Numbers of persons, companies and cards with what is right or wrong about each, against the types that know them.

#[cfg(test)]
mod tests {
    use kehu_domain::value::{BankAccount, CreditCode, IdNumber, Sex};
    use serde_json::Value;

    /// What a vector says is wrong, as the code that says so.
    const REASONS: [(&str, &str); 6] = [
        ("check char", "credit_code_check"),
        ("letter I not in alphabet", "credit_code_charset"),
        ("length", "credit_code_length"),
        ("transposition", "credit_code_check"),
        ("30 February", "id_number_date"),
        ("check digit", "id_number_check"),
    ];

    fn vectors(kind: &str) -> Vec<Value> {
        let all: Value = serde_json::from_str(include_str!("data/id_vectors.json")).unwrap();
        let vectors = all[kind].as_array().unwrap().clone();
        assert!(vectors.len() >= 5, "{kind}");
        vectors
    }

    fn text<'v>(vector: &'v Value, member: &str) -> &'v str {
        vector[member].as_str().unwrap()
    }

    /// The code that a vector is refused with; none where it is right.
    fn expected(vector: &Value) -> Option<&'static str> {
        let valid = vector["valid"].as_bool().unwrap();
        let reason = || REASONS.iter().find(|(why, _)| *why == text(vector, "why")).unwrap().1;
        (!valid).then(reason)
    }

    #[test]
    fn credit_codes() {
        for vector in vectors("uscc") {
            let refused = CreditCode::parse(text(&vector, "value")).err().map(|flaw| flaw.code.key);
            assert_eq!(refused, expected(&vector), "{vector}");
        }
    }

    #[test]
    fn identity_numbers() {
        for vector in vectors("id_card") {
            let parsed = IdNumber::parse(text(&vector, "value"));
            assert_eq!(parsed.as_ref().err().map(|flaw| flaw.code.key), expected(&vector), "{vector}");
            if let (Ok(number), Some(birth)) = (parsed, vector["birth"].as_str()) {
                let sex = if vector["gender"] == "F" { Sex::Female } else { Sex::Male };
                assert_eq!(number.birthday().map(|day| day.to_string()).as_deref(), Some(birth), "{vector}");
                assert_eq!(number.sex(), Some(sex), "{vector}");
            }
        }
    }

    #[test]
    fn cards() {
        for vector in vectors("bank_card") {
            let card = BankAccount::parse(text(&vector, "value")).unwrap();
            let told = card.finding().map(|flaw| flaw.code.key);
            let wrong = (vector["valid"] == false).then_some("bank_account_check");
            assert_eq!(
                told, wrong,
                "a card is never refused, since an account of a company may look like one: {vector}"
            );
        }
    }
}
