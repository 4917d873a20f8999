//! What anybody learns or changes through any door is what the policy table says: every role, every kind, every operation
//! of the served description, every field. The table is the committed one, and is compared with what the program does.

#[cfg(test)]
mod ask;
#[cfg(test)]
mod canary;
#[cfg(test)]
mod description;
#[cfg(test)]
mod doors;
#[cfg(test)]
mod keys;
#[cfg(test)]
mod questions;
#[cfg(test)]
mod reads;
#[cfg(test)]
mod segments;
#[cfg(test)]
mod table;
#[cfg(test)]
mod tries;
#[cfg(test)]
mod world;
#[cfg(test)]
mod writes;

kehu_tests::on_both_engines!(what_anybody_learns_is_what_the_table_says);

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};
    use std::io::Write as _;
    use std::time::Instant;

    use kehu_tests::Engine;

    use super::ask::{Ask, Cell};
    use super::world::{World, build};

    /// Operations that are looked at field by field.
    const BY_FIELD: [&str; 9] = ["list", "search", "facets", "get", "history", "access", "update", "create", "batch"];
    /// How many subjects ask at the same time.
    const LANES: usize = 4;

    /// Every cell that has to be covered for a role, from the description alone.
    fn floor(world: &World) -> BTreeSet<Cell> {
        let mut cells = BTreeSet::new();
        for kind in &world.kinds {
            let mut need = |operation: &str, name: &str| {
                cells.insert((operation.to_owned(), format!("{}.{name}", kind.name)));
            };
            for operation in &kind.operations {
                match operation.as_str() {
                    "delete" | "restore" | "erase" | "bulk" | "validate" | "validate_update" | "upsert" | "get_by"
                    | "put_by" => {
                        need(operation, "*");
                    }
                    "reveal" => kind.fields.iter().filter(|field| field.sealed).for_each(|f| need("reveal", &f.name)),
                    known => {
                        assert!(BY_FIELD.contains(&known), "nobody looks at {known}");
                        kind.fields.iter().for_each(|field| need(known, &field.name));
                    }
                }
            }
            kind.filters.iter().for_each(|(member, _)| need("filter", member));
            kind.sorts.iter().for_each(|sort| need("sort", sort));
        }
        cells
    }

    /// Fails with one of each sort of what was not as the table says.
    fn nothing_is_wrong(asks: &[Ask<'_>]) {
        let mut sorts: BTreeMap<String, (usize, &str)> = BTreeMap::new();
        for flaw in asks.iter().flat_map(|ask| &ask.flaws) {
            let letters = flaw.chars().filter(|c| !c.is_ascii_digit()).take(90);
            let sort = letters.collect::<String>().replace(|c| ('a'..='f').contains(&c), "");
            sorts.entry(sort).or_insert((0, flaw)).0 += 1;
        }
        let cut = |text: &str| text.chars().take(900).collect::<String>();
        let shown: Vec<_> =
            sorts.values().take(60).map(|(times, flaw)| format!("{times} times: {}", cut(flaw))).collect();
        assert!(sorts.is_empty(), "{} sorts of what is not as the table says: {shown:#?}", sorts.len());
    }

    fn read(ask: &mut Ask<'_>) {
        for kind in &ask.world.kinds {
            ask.read(kind);
            ask.ask(kind);
        }
        ask.other_doors();
    }

    pub(super) fn what_anybody_learns_is_what_the_table_says(engine: Engine) {
        let begun = Instant::now();
        let world = build(engine);
        let built = begun.elapsed();
        let mut asks: Vec<Ask<'_>> = world.subjects.iter().map(|subject| Ask::new(&world, subject)).collect();
        for ask in &asks {
            let few = ask.forbidden.len() < 20 && ask.subject.role != "administrator";
            assert!(!few, "{}: only {} words are forbidden", ask.subject.role, ask.forbidden.len());
        }
        let each = asks.len().div_ceil(LANES);
        std::thread::scope(|scope| {
            for lane in asks.chunks_mut(each) {
                scope.spawn(|| lane.iter_mut().for_each(read));
            }
        });
        let read = begun.elapsed();
        // One after the other: what one writes the next one finds.
        for ask in &mut asks {
            world.kinds.iter().for_each(|kind| ask.write(kind));
        }
        nothing_is_wrong(&asks);

        let needed = floor(&world);
        assert!(needed.len() > 700, "the description has only {} cells", needed.len());
        for ask in &asks {
            let missing: Vec<&Cell> = needed.difference(&ask.cells).take(10).collect();
            assert!(missing.is_empty(), "{}: nobody looked at {missing:?}", ask.subject.role);
        }
        let cells: usize = asks.iter().map(|ask| ask.cells.len()).sum();
        let least = needed.len() * world.subjects.len();
        assert!(cells >= least, "only {cells} of {least} cells");
        let calls: usize = asks.iter().map(|ask| ask.calls).sum();
        let said = format!(
            "{engine:?}: {cells} cells (role, operation, field) of {} roles, {least} at least, by {calls} requests; \
             {built:?} to build, {read:?} to read, {:?} in all\n",
            asks.len(),
            begun.elapsed()
        );
        let _ = std::io::stderr().write_all(said.as_bytes());
    }
}
