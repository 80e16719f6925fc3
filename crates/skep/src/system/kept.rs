//! Things by id that stay where they are once they are there.

use skep_sys::once::Once;

/// A list that only grows, and may grow under `&self`.
pub(crate) struct Kept<T>(Once<Node<T>>);

struct Node<T> {
    id: u32,
    value: T,
    next: Kept<T>,
}

impl<T> Default for Kept<T> {
    fn default() -> Self {
        Self(Once::new())
    }
}

impl<T: Clone> Kept<T> {
    /// The value of this id, made by `make` if it is not there. Two threads may both make it; the
    /// first to be done wins.
    pub(crate) fn get_or_try_init<E>(
        &self,
        id: u32,
        make: impl FnOnce() -> Result<T, E>,
    ) -> Result<&T, E> {
        let mut end = self;
        while let Some(node) = end.0.get() {
            if node.id == id {
                return Ok(&node.value);
            }
            end = &node.next;
        }
        let value = make()?;
        loop {
            let node = end.0.get_or_init(|| Node {
                id,
                value: value.clone(),
                next: Self::default(),
            });
            if node.id == id {
                return Ok(&node.value);
            }
            end = &node.next;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Kept;

    #[test]
    fn each_id_is_made_once_and_stays() {
        let kept = Kept::default();
        let one: &&str = kept.get_or_try_init(1, || Ok::<_, ()>("one")).unwrap();
        assert_eq!(kept.get_or_try_init(2, || Err("no")), Err("no"));
        assert_eq!(kept.get_or_try_init(2, || Ok::<_, ()>("two")), Ok(&"two"));
        assert_eq!(kept.get_or_try_init(1, || Err(())), Ok(one));
        assert_eq!(kept.get_or_try_init(2, || Err(())), Ok(&"two"));
    }
}
