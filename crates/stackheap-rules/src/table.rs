use std::collections::BTreeMap;

/// Things that begin and end, by their number. What ended leaves how it did.
#[derive(Clone, Debug)]
pub(crate) struct Table<K, T, E> {
    live: BTreeMap<K, T>,
    ended: BTreeMap<K, E>,
}

impl<K, T, E> Default for Table<K, T, E> {
    fn default() -> Self {
        Self {
            live: BTreeMap::new(),
            ended: BTreeMap::new(),
        }
    }
}

impl<K: Ord + Copy, T, E: Copy> Table<K, T, E> {
    /// The thing; `Err` with how it ended, or with `None` where there never was one.
    pub fn find(&self, id: K) -> Result<&T, Option<E>> {
        self.live
            .get(&id)
            .ok_or_else(|| self.ended.get(&id).copied())
    }

    pub fn get(&self, id: K) -> Option<&T> {
        self.live.get(&id)
    }

    pub fn get_mut(&mut self, id: K) -> Option<&mut T> {
        self.live.get_mut(&id)
    }

    /// Whether the number was ever given.
    pub fn knows(&self, id: K) -> bool {
        self.live.contains_key(&id) || self.ended.contains_key(&id)
    }

    pub fn begin(&mut self, id: K, thing: T) {
        self.ended.remove(&id);
        self.live.insert(id, thing);
    }

    pub fn end(&mut self, id: K, how: E) -> Option<T> {
        let thing = self.live.remove(&id)?;
        self.ended.insert(id, how);
        Some(thing)
    }

    pub fn live(&self) -> impl Iterator<Item = (K, &T)> {
        self.live.iter().map(|(id, thing)| (*id, thing))
    }
}
