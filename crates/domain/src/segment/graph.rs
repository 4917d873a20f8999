//! Segments that use each other: never in a circle, and together no more than a question may hold.

use std::collections::{HashMap, HashSet};

use uuid::Uuid;

/// How deep segments may stand within each other.
pub const MAX_DEPTH: usize = 5;
/// The most conditions of a segment, with those of the segments that it uses; one that is used twice counts twice.
pub const MAX_TOTAL: usize = 100;

/// What is known of a segment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Known {
    /// How many conditions it has itself.
    pub conditions: usize,
    /// The segments that it uses.
    pub uses: Vec<Uuid>,
}

/// Segments of an organisation, by id. One that is not there uses none and has no conditions.
#[derive(Clone, Debug, Default)]
pub struct Graph(pub HashMap<Uuid, Known>);

/// Why segments cannot stand so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Broken {
    /// One uses itself, through these: the first comes again at the end.
    Cycle(Vec<Uuid>),
    /// Segments stand too deep in this one.
    Deep(Uuid),
    /// This one has too many conditions.
    Large(Uuid),
}

/// What stands in a segment, itself included.
#[derive(Clone, Copy)]
struct Size {
    depth: usize,
    total: usize,
}

impl Graph {
    /// What is wrong with a segment, or with those that use it.
    ///
    /// # Errors
    /// The first thing found: circles before sizes.
    pub fn check(&self, changed: Uuid) -> Result<(), Broken> {
        let mut path = vec![changed];
        if self.comes_back(changed, &mut path, &mut HashSet::new()) {
            return Err(Broken::Cycle(path));
        }
        let mut sizes = HashMap::new();
        for id in self.above(changed) {
            let Size { depth, total } = self.size(id, &mut sizes, 0);
            if depth > MAX_DEPTH {
                return Err(Broken::Deep(id));
            }
            if total > MAX_TOTAL {
                return Err(Broken::Large(id));
            }
        }
        Ok(())
    }

    /// Whether the last of a path leads back to a segment; the path is then the way there.
    fn comes_back(&self, to: Uuid, path: &mut Vec<Uuid>, seen: &mut HashSet<Uuid>) -> bool {
        let uses = path.last().and_then(|id| self.0.get(id)).map(|known| known.uses.as_slice()).unwrap_or_default();
        for next in uses {
            path.push(*next);
            if *next == to || seen.insert(*next) && self.comes_back(to, path, seen) {
                return true;
            }
            path.pop();
        }
        false
    }

    /// A segment, and all that use it.
    fn above(&self, changed: Uuid) -> Vec<Uuid> {
        let mut users: HashMap<Uuid, Vec<Uuid>> = HashMap::new();
        for (user, known) in &self.0 {
            for used in &known.uses {
                users.entry(*used).or_default().push(*user);
            }
        }
        let (mut all, mut seen) = (vec![changed], HashSet::from([changed]));
        let mut at = 0;
        while let Some(id) = all.get(at).copied() {
            let more = users.get(&id).into_iter().flatten().copied().filter(|user| seen.insert(*user));
            all.extend(more.collect::<Vec<_>>());
            at += 1;
        }
        all
    }

    fn size(&self, id: Uuid, sizes: &mut HashMap<Uuid, Size>, under: usize) -> Size {
        if let Some(size) = sizes.get(&id) {
            return *size;
        }
        let none = Known::default();
        let known = self.0.get(&id).unwrap_or(&none);
        let mut size = Size { depth: 1, total: known.conditions };
        // Others' circles are not this one's to find; nothing is asked deeper than it may stand.
        if under <= MAX_DEPTH {
            for used in &known.uses {
                let of_used = self.size(*used, sizes, under + 1);
                size.depth = size.depth.max(of_used.depth + 1);
                size.total = size.total.saturating_add(of_used.total);
            }
            sizes.insert(id, size);
        }
        size
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(n: u128) -> Uuid {
        Uuid::from_u128(n)
    }

    fn graph(edges: &[(u128, usize, &[u128])]) -> Graph {
        let known = |conditions, uses: &[u128]| Known { conditions, uses: uses.iter().map(|n| id(*n)).collect() };
        Graph(edges.iter().map(|(n, conditions, uses)| (id(*n), known(*conditions, uses))).collect())
    }

    #[test]
    fn a_circle_is_told_with_its_way() {
        let known = graph(&[(1, 1, &[4, 2]), (2, 1, &[3]), (3, 1, &[1]), (4, 1, &[]), (5, 1, &[4])]);
        assert_eq!(known.check(id(1)), Err(Broken::Cycle(vec![id(1), id(2), id(3), id(1)])));
        assert_eq!(known.check(id(5)), Ok(()), "what stands beside it is not asked");
        assert_eq!(graph(&[(1, 1, &[1])]).check(id(1)), Err(Broken::Cycle(vec![id(1), id(1)])));
    }

    #[test]
    fn those_above_are_held_to_the_bounds_too() {
        let chain = graph(&[(1, 1, &[2]), (2, 1, &[3]), (3, 1, &[4]), (4, 1, &[5]), (5, 1, &[])]);
        assert_eq!(chain.check(id(5)), Ok(()));
        let deeper = graph(&[(1, 1, &[2]), (2, 1, &[3]), (3, 1, &[4]), (4, 1, &[5]), (5, 1, &[6]), (6, 1, &[])]);
        assert_eq!(deeper.check(id(5)), Err(Broken::Deep(id(1))));
        assert_eq!(deeper.check(id(1)), Err(Broken::Deep(id(1))));
        let twice = |own| graph(&[(1, own, &[2, 3]), (2, 20, &[3]), (3, 20, &[])]);
        assert_eq!(twice(40).check(id(3)), Ok(()));
        assert_eq!(twice(41).check(id(3)), Err(Broken::Large(id(1))), "what is used twice counts twice");
    }
}
