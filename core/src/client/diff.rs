//! The difference of two lists, as the steps that lead from one to the other.

use eyeball_im::VectorDiff;
use imbl::Vector;

/// Steps that turn `old` into `new`. Elements with equal keys are the same one, perhaps changed; keys are unique in a
/// list.
pub(crate) fn diff<T: Clone + PartialEq, K: PartialEq>(
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
    let mut steps = Vec::new();
    let mut now: Vec<T> = old.to_vec();
    for index in (0..now.len()).rev() {
        if !new.iter().any(|element| key(element) == key(&now[index])) {
            now.remove(index);
            steps.push(VectorDiff::Remove { index });
        }
    }
    for (index, element) in new.iter().enumerate() {
        match now.iter().skip(index).position(|other| key(other) == key(element)) {
            Some(0) if now[index] == *element => {}
            Some(0) => {
                now[index] = element.clone();
                steps.push(VectorDiff::Set { index, value: element.clone() });
            }
            Some(ahead) => {
                now.remove(index + ahead);
                now.insert(index, element.clone());
                steps.push(VectorDiff::Remove { index: index + ahead });
                steps.push(VectorDiff::Insert { index, value: element.clone() });
            }
            None if index == now.len() => {
                now.push(element.clone());
                steps.push(VectorDiff::PushBack { value: element.clone() });
            }
            None => {
                now.insert(index, element.clone());
                steps.push(VectorDiff::Insert { index, value: element.clone() });
            }
        }
    }
    if steps.len() > new.len().max(16) { vec![VectorDiff::Reset { values: Vector::from(new) }] } else { steps }
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
