//! Doors of segments: who is in one, and how many, as far as the subject reads customers.

use serde_json::json;

use super::ask::{Ask, ids};
use super::world::Rec;

impl Ask<'_> {
    /// The status of reading who is in a segment of customers.
    fn of_segment(&self, rec: &Rec) -> u16 {
        let policy = &self.subject.policy;
        match (policy.can("read", "segment"), self.subject.may("read", rec), policy.can("read", "customer")) {
            (false, ..) | (true, true, false) => 403,
            (true, false, _) => 404,
            (true, true, true) => 200,
        }
    }

    /// Who is in a segment of every customer: those within reach, each as it is seen.
    pub(super) fn segment_members(&mut self) {
        let world = self.world;
        let rec = world.rec(&world.everything).unwrap();
        let status = self.of_segment(rec);
        let path = format!("/v1/segments/{}/members?limit=500", rec.id);
        let Some(reply) = self.expect(status, "GET", &path, None) else { return };
        if status != 200 {
            return;
        }
        let data = reply.data();
        if ids(&data) != self.visible("customer") {
            self.flaw(format!("{path}: not the customers within reach"));
        }
        for shown in &data {
            if let Some(one) = world.rec(shown["id"].as_str().unwrap_or_default()) {
                self.compare("list", one, shown, None);
            }
        }
    }

    /// It is no list: whoever may change it is told so.
    pub(super) fn change_members(&mut self) {
        for rec in self.world.samples(self.subject, "segment") {
            let status = self.write_status("update", self.world.kind("segment"), rec, 422);
            let path = format!("/v1/segments/{}/members", rec.id);
            let _ = self.expect(status, "POST", &path, Some(&json!({"add": [kehu_tests::new_id()]})));
        }
    }

    /// How many are in it: those within reach.
    pub(super) fn segment_counts(&mut self) {
        let rec = self.world.rec(&self.world.everything).unwrap();
        let status = self.of_segment(rec);
        let reply = self.expect(status, "GET", &format!("/v1/segments/{}/count", rec.id), None);
        let within = u64::try_from(self.visible("customer").len()).ok();
        if let Some(reply) = reply.filter(|_| status == 200)
            && reply.json()["count"].as_u64() != within
        {
            self.flaw(format!("a segment counts {}, not {within:?}", reply.text));
        }
        let may = if self.subject.policy.can("read", "segment") { 200 } else { 403 };
        let asked = json!({"ids": [rec.id]});
        let Some(reply) = self.expect(may, "POST", "/v1/segments/counts", Some(&asked)) else { return };
        let told = &reply.json()["data"][0];
        let right = if status == 200 { told["count"].as_u64() == within } else { told["count"].is_null() };
        if may == 200 && !right {
            self.flaw(format!("segments count {told}, not {within:?}"));
        }
    }
}
