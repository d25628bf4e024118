//! The difference of two lists, as the steps that lead from one to the other.

use std::collections::HashSet;
use std::hash::Hash;

use eyeball_im::VectorDiff;
use imbl::Vector;

/// A screen that is so far behind takes the whole list anew.
pub(crate) const STEPS: usize = 256;

/// Steps that turn `old` into `new`. Elements with equal keys are the same one, perhaps changed; keys are unique in a
/// list.
pub(crate) fn diff<T: Clone + PartialEq, K: Copy + Eq + Hash>(
    old: &[T],
    new: &[T],
    key: impl Fn(&T) -> K,
) -> Vec<VectorDiff<T>> {
    if old.is_empty() {
        return if new.is_empty() {
            Vec::new()
        } else {
            vec![VectorDiff::Append { values: new.iter().cloned().collect() }]
        };
    }
    if new.is_empty() {
        return vec![VectorDiff::Clear];
    }
    few_steps(old, new, key).unwrap_or_else(|| vec![VectorDiff::Reset { values: Vector::from(new) }])
}

/// `None` if there would be more than a screen follows. Looks at each element once, and once more for each step.
fn few_steps<T: Clone + PartialEq, K: Copy + Eq + Hash>(
    old: &[T],
    new: &[T],
    key: impl Fn(&T) -> K,
) -> Option<Vec<VectorDiff<T>>> {
    let most = new.len().clamp(16, STEPS);
    let wanted: HashSet<K> = new.iter().map(&key).collect();
    let mut steps = Vec::new();
    for (index, element) in old.iter().enumerate().rev() {
        if !wanted.contains(&key(element)) {
            steps.push(VectorDiff::Remove { index });
        }
    }
    let mut now: Vec<(K, &T)> = old.iter().map(|element| (key(element), element)).collect();
    now.retain(|(key, _)| wanted.contains(key));
    let kept: HashSet<K> = now.iter().map(|(key, _)| *key).collect();
    for (index, element) in new.iter().enumerate() {
        let (key, value) = (key(element), || element.clone());
        match now.get(index) {
            Some((there, shown)) if *there == key => {
                if *shown != element {
                    steps.push(VectorDiff::Set { index, value: value() });
                }
            }
            _ if kept.contains(&key) => {
                let from = index + now.iter().skip(index).position(|(there, _)| *there == key)?;
                let moved = now.remove(from);
                now.insert(index, moved);
                steps.push(VectorDiff::Remove { index: from });
                steps.push(VectorDiff::Insert { index, value: value() });
            }
            Some(_) => {
                now.insert(index, (key, element));
                steps.push(VectorDiff::Insert { index, value: value() });
            }
            None => {
                now.push((key, element));
                steps.push(VectorDiff::PushBack { value: value() });
            }
        }
        if steps.len() > most {
            return None;
        }
    }
    Some(steps)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_steps_lead_to_the_new_list() {
        let mut seed = 7u64;
        let mut random = |below: u64| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (seed >> 33) % below
        };
        let mut old: Vec<(u64, u64)> = Vec::new();
        for _ in 0..2_000 {
            let mut new = old.clone();
            for _ in 0..random(4) {
                let place = random(new.len() as u64 + 1) as usize;
                match random(4) {
                    0 if place < new.len() => drop(new.remove(place)),
                    1 if place < new.len() => new[place].1 += 1,
                    2 if new.len() > 1 => {
                        let moved = new.remove(place % new.len());
                        new.insert(0, moved);
                    }
                    _ => {
                        let element = (random(1 << 30), 0);
                        if !new.iter().any(|other| other.0 == element.0) {
                            new.insert(place, element);
                        }
                    }
                }
            }
            let mut shown: Vector<_> = old.iter().copied().collect();
            for step in diff(&old, &new, |element| element.0) {
                step.apply(&mut shown);
            }
            assert!(shown.iter().eq(new.iter()), "{old:?} {new:?}");
            old = new;
            old.truncate(40);
        }
    }
}
