//! What sixteen writers send, and what must be there afterwards.

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use kehu_tests::server::Server;
use kehu_tests::{Reply, Session, mobile, unique};
use serde_json::{Value, json};

/// How many write at once.
pub(crate) const WRITERS: usize = 16;

/// Items of a batch: more than one transaction takes (100), so that a kill may come between two.
const ITEMS: usize = 120;

/// Chance that can be repeated (xorshift).
pub(crate) struct Chance(u64);

impl Chance {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub(crate) fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 11).unwrap() % limit
    }
}

/// A request under an idempotency key, and what it is to have made.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    method: &'static str,
    path: String,
    body: Value,
    pub(crate) key: String,
    made: Made,
}

#[derive(Clone, Debug)]
enum Made {
    Customer(Customer),
    Remark { customer: String, remark: String },
    FollowUp { customer: String, summary: String, at: String },
    Customers(Vec<Customer>),
    Lead(Customer),
}

/// A customer with one contact, as it was asked for and changed since.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Customer {
    name: String,
    phone: Option<String>,
    contact: String,
    contact_phone: String,
    tag: Option<String>,
    remark: Option<String>,
    last_follow_up: Option<String>,
}

impl Customer {
    fn new(chance: &mut Chance) -> Self {
        Self {
            name: format!("断电{}有限公司", unique()),
            phone: Some(mobile()),
            contact: "周一".to_owned(),
            contact_phone: mobile(),
            // Few names, so that several writers make the same one at the same moment.
            tag: Some(format!("标签{}", chance.below(40))),
            remark: None,
            last_follow_up: None,
        }
    }

    fn body(&self) -> Value {
        json!({
            "name": self.name, "kind": "company", "phones": [self.phone], "tags": [self.tag],
            "contacts": [{"name": self.contact, "phones": [self.contact_phone]}],
        })
    }
}

/// The body of a new customer with one contact.
pub(crate) fn customer(chance: &mut Chance) -> Value {
    Customer::new(chance).body()
}

/// Who sends: an administrator, and a page with a form.
pub(crate) struct Senders {
    pub(crate) admin: Session,
    page: Session,
    form: String,
}

impl Senders {
    /// Signs in and makes a form.
    pub(crate) fn new(server: &Server) -> Self {
        let admin = server.admin();
        let form = json!({"name": "官网咨询", "fields": [
            {"key": "company", "maps_to": "customer.name"}, {"key": "name", "maps_to": "contact.name"},
            {"key": "mobile", "maps_to": "contact.phone"},
        ]});
        let form = admin.post("/v1/forms", &form).expect(201).json();
        let page = Session::anonymous(&server.base).with_token(form["public_key"].as_str());
        Self { admin, page, form: form["id"].as_str().unwrap().to_owned() }
    }

    /// The same people at a server that was started again.
    pub(crate) fn again(&self, server: &Server) -> Self {
        let page = Session::anonymous(&server.base).with_token(self.page.token());
        Self { admin: server.admin(), page, form: self.form.clone() }
    }

    /// Sends until the server has time for it (503), as clients do; nothing if no whole answer came.
    pub(crate) fn send(&self, request: &Request) -> Option<Reply> {
        let who = if matches!(request.made, Made::Lead(_)) { &self.page } else { &self.admin };
        let who = who.with("idempotency-key", &request.key);
        let body = request.body.to_string();
        for _ in 0..100 {
            let reply = who.try_send(request.method, &request.path, body.as_bytes(), "application/json").ok()?;
            if reply.status != 503 {
                return Some(reply);
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("the server never has time for {request:?}");
    }
}

/// Everything that was acknowledged.
#[derive(Default)]
pub(crate) struct Book {
    /// By id.
    customers: HashMap<String, Customer>,
    follow_ups: HashMap<String, String>,
    leads: Vec<Customer>,
    numbers: HashMap<String, String>,
    /// Requests that were not acknowledged: what became of them is not known.
    open: Vec<Request>,
    /// Some that were.
    closed: Vec<(Request, String)>,
    /// What was changed since it was last looked at.
    fresh: Vec<String>,
}

/// One of sixteen: sends until no answer comes.
pub(crate) fn write(senders: &Senders, book: &Mutex<Book>, done: &AtomicUsize, mut chance: Chance) {
    // Its own customers only: nobody else changes them, so that it knows what they must be.
    let mut own: Vec<String> = Vec::new();
    loop {
        let request = next(senders, &own, &mut chance);
        let Some(reply) = senders.send(&request) else {
            book.lock().unwrap().open.push(request);
            return;
        };
        own.extend(book.lock().unwrap().note(request, reply));
        done.fetch_add(1, Ordering::Relaxed);
    }
}

fn next(senders: &Senders, own: &[String], chance: &mut Chance) -> Request {
    let post = |path: &str, body, made| {
        let key = format!("durability-{:016}", unique());
        Request { method: "POST", path: path.to_owned(), body, key, made }
    };
    let some = own.len().checked_sub(1).map(|last| own[chance.below(last + 1)].clone());
    match (chance.below(40), some) {
        (0..12, Some(customer)) => {
            let remark = format!("备注{}", unique());
            let path = format!("/v1/customers/{customer}");
            let body = json!({"remark": remark});
            Request { method: "PATCH", ..post(&path, body, Made::Remark { customer, remark }) }
        }
        (12..20, Some(customer)) => {
            let (summary, at) = (format!("电话{}", unique()), moment());
            let body = json!({"customer_id": customer, "kind": "call", "summary": summary, "happened_at": at});
            post("/v1/follow_ups", body, Made::FollowUp { customer, summary, at })
        }
        (20..24, _) => {
            let lead = Customer { phone: None, tag: None, ..Customer::new(chance) };
            let values = json!({"company": lead.name, "name": lead.contact, "mobile": lead.contact_phone});
            let path = format!("/v1/forms/{}/submissions", senders.form);
            post(&path, json!({"values": values}), Made::Lead(lead))
        }
        (24, _) => {
            let atomic = chance.below(2) == 0;
            let items = if atomic { 5 } else { ITEMS };
            let customers: Vec<Customer> = (0..items).map(|_| Customer::new(chance)).collect();
            let items: Vec<Value> = customers.iter().map(Customer::body).collect();
            let body = json!({"items": items, "atomic": atomic});
            post("/v1/customers/batch", body, Made::Customers(customers))
        }
        _ => {
            let customer = Customer::new(chance);
            post("/v1/customers", customer.body(), Made::Customer(customer))
        }
    }
}

/// Each later than the one before.
fn moment() -> String {
    let seconds = unique();
    let (day, hour) = (1 + seconds / 86_400, seconds / 3600 % 24);
    format!("2026-10-{day:02}T{hour:02}:{:02}:{:02}.000Z", seconds / 60 % 60, seconds % 60)
}

impl Book {
    /// Takes an answer down, and says which customers it made.
    fn note(&mut self, request: Request, reply: Reply) -> Vec<String> {
        let mut ids = Vec::new();
        match request.made.clone() {
            Made::Customer(customer) => {
                let made = reply.expect(201).json();
                let id = made["id"].as_str().unwrap().to_owned();
                let number = made["number"].as_str().unwrap().to_owned();
                let other = self.numbers.insert(number, id.clone());
                assert!(other.is_none_or(|other| other == id), "a number was given twice: {made}");
                self.customers.insert(id.clone(), customer);
                ids.push(id);
            }
            Made::Customers(customers) => {
                for (customer, item) in customers.into_iter().zip(reply.expect(200).data()) {
                    let id = item["id"].as_str().unwrap_or_else(|| panic!("{item}")).to_owned();
                    self.customers.insert(id.clone(), customer);
                    ids.push(id);
                }
            }
            Made::Remark { customer, remark } => {
                assert_eq!(reply.expect(200).json()["remark"], json!(remark));
                self.customers.get_mut(&customer).unwrap().remark = Some(remark);
                ids.push(customer);
            }
            Made::FollowUp { customer, summary, at } => {
                self.follow_ups.insert(reply.expect(201).id(), summary);
                let last = &mut self.customers.get_mut(&customer).unwrap().last_follow_up;
                *last = last.take().max(Some(at));
                ids.push(customer);
            }
            Made::Lead(lead) => {
                self.closed.push((request, reply.expect(202).text));
                self.leads.push(lead);
                return ids;
            }
        }
        self.closed.push((request, ids[0].clone()));
        self.fresh.extend(ids.clone());
        ids
    }

    /// Sends again what was not acknowledged, twice, and some of what was: each has made one record.
    pub(crate) fn settle(&mut self, senders: &Senders, chance: &mut Chance) {
        for request in std::mem::take(&mut self.open) {
            let reply = senders.send(&request).expect("an answer");
            let again = senders.send(&request).expect("an answer");
            let replayed = again.header("idempotency-replayed");
            assert_eq!(replayed, Some("true"), "{request:?}: {} {}", again.status, again.text);
            assert_eq!(again.text, reply.text);
            self.note(request, reply);
        }
        for _ in 0..5.min(self.closed.len()) {
            let (request, made) = &self.closed[chance.below(self.closed.len())];
            let again = senders.send(request).expect("an answer");
            assert_eq!(again.header("idempotency-replayed"), Some("true"), "{request:?}: {}", again.text);
            assert!(again.text.contains(made), "{request:?} made {made}, and now {}", again.text);
        }
    }

    /// (customers with those of leads, follow-ups, leads)
    pub(crate) fn counts(&self) -> (usize, usize, usize) {
        (self.customers.len() + self.leads.len(), self.follow_ups.len(), self.leads.len())
    }

    /// What was changed last is there, whole, and found by its numbers.
    pub(crate) fn look_at_fresh(&mut self, admin: &Session) {
        let mut fresh = std::mem::take(&mut self.fresh);
        fresh.sort();
        fresh.dedup();
        for id in fresh.iter().rev().take(30) {
            let customer = &self.customers[id];
            let path = format!("/v1/customers/{id}?expand=contacts");
            customer.is(&admin.get(&path).expect(200).json());
            let phone = customer.phone.as_ref().unwrap();
            let found = admin.post("/v1/lookup", &json!({"phone": phone})).expect(200).data();
            assert_eq!((found.len(), &found[0]["id"]), (1, &json!(id)), "{found:?}");
            let found = admin.post("/v1/lookup", &json!({"phone": customer.contact_phone})).expect(200).data();
            assert_eq!((found.len(), &found[0]["customer"]["id"]), (1, &json!(id)), "{found:?}");
        }
        for lead in self.leads.iter().rev().take(10) {
            let found = admin.post("/v1/lookup", &json!({"phone": lead.contact_phone})).expect(200).data();
            assert_eq!((found.len(), &found[0]["customer"]["name"]), (1, &json!(lead.name)), "{found:?}");
        }
    }

    /// Everything is there, whole and once, and nothing else.
    pub(crate) fn look_at_all(&self, admin: &Session) {
        let mut leads: Vec<&str> = self.leads.iter().map(|lead| lead.name.as_str()).collect();
        let mut seen = 0;
        for record in pages(admin, "/v1/customers?limit=500&expand=contacts&sort=created_at") {
            seen += 1;
            let id = record["id"].as_str().unwrap();
            if let Some(customer) = self.customers.get(id) {
                customer.is(&record);
            } else {
                let at = leads.iter().position(|name| record["name"] == *name);
                leads.swap_remove(at.unwrap_or_else(|| panic!("nobody was told of it: {record}")));
            }
        }
        assert_eq!((seen, leads), (self.counts().0, Vec::<&str>::new()));
        let mut follow_ups = self.follow_ups.clone();
        for record in pages(admin, "/v1/follow_ups?limit=500&sort=happened_at") {
            let expected = follow_ups.remove(record["id"].as_str().unwrap());
            assert_eq!(record["summary"].as_str().map(str::to_owned), expected, "{record}");
        }
        assert_eq!(follow_ups, HashMap::new(), "acknowledged follow-ups are lost");
    }
}

impl Customer {
    fn is(&self, record: &Value) {
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let local = |value: &Value| value.as_str().unwrap().trim_start_matches("+86").to_owned();
        let contacts = record["contacts"].as_array().unwrap();
        assert_eq!(contacts.len(), 1, "half a record, or two: {record}");
        let found = Self {
            name: text(&record["name"]).unwrap(),
            phone: record["phones"].get(0).map(|phone| local(&phone["value"])),
            contact: text(&contacts[0]["name"]).unwrap(),
            contact_phone: local(&contacts[0]["phones"][0]["value"]),
            tag: record["tags"].get(0).and_then(|tag| text(&tag["name"])),
            remark: text(&record["remark"]),
            last_follow_up: text(&record["last_follow_up_at"]),
        };
        assert_eq!(&found, self, "{record}");
    }
}

fn pages(admin: &Session, path: &str) -> Vec<Value> {
    let mut all = Vec::new();
    let mut after = String::new();
    loop {
        let page = admin.get(&format!("{path}{after}")).expect(200);
        all.extend(page.data());
        match page.json()["page"]["next"].as_str() {
            Some(next) => after = format!("&after={next}"),
            None => return all,
        }
    }
}
