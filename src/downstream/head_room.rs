//! How much memory may the unfinished request heads of all connections hold? actix-http bounds each
//! one; here they are counted together, on the clients' accounts, as request bodies are.

use std::{net::IpAddr, sync::Arc};

use crate::memory::{BodyMemory, NoRoom, Reservation};

/// Bytes of a head that are not counted. Most heads are shorter.
const FREE: usize = 16 * 1024;
/// A growing buffer may have twice the capacity of its content.
const GROWTH: usize = 2;

/// The room that one connection's unfinished head takes.
pub struct HeadRoom {
    memory: Arc<BodyMemory>,
    client: Option<IpAddr>,
    bytes: usize,
    counted: Option<Reservation>,
}

impl HeadRoom {
    pub fn new(memory: Arc<BodyMemory>, client: Option<IpAddr>) -> Self {
        HeadRoom {
            memory,
            client,
            bytes: 0,
            counted: None,
        }
    }

    /// Counts `more` bytes of a head that has not ended.
    ///
    /// # Errors
    /// There is no room for them.
    pub fn grow(&mut self, more: usize) -> Result<(), NoRoom> {
        self.bytes += more;
        if self.bytes <= FREE {
            return Ok(());
        }
        match &mut self.counted {
            Some(counted) => counted.grow(more * GROWTH),
            None => {
                let account = self.memory.account(self.client);
                self.counted = Some(account.reserve(self.bytes * GROWTH)?);
                Ok(())
            }
        }
    }

    /// The head has ended.
    pub fn clear(&mut self) {
        self.bytes = 0;
        self.counted = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::Counts;

    #[test]
    fn long_heads_are_counted_while_they_are_unfinished() {
        let counts = Counts::default();
        let memory = BodyMemory::new(256 * 1024, counts.clone());
        let client = |last: u8| Some(IpAddr::from([127, 0, 0, last]));
        let mut one = HeadRoom::new(memory.clone(), client(1));
        assert_eq!(one.grow(FREE), Ok(()));
        assert_eq!(
            counts.kept.get(),
            0,
            "a head of usual length is not counted"
        );
        assert_eq!(one.grow(1000), Ok(()));
        assert_eq!(counts.kept.get() as usize, (FREE + 1000) * GROWTH);
        // One client has at most half of the memory.
        assert_eq!(one.grow(128 * 1024), Err(NoRoom));
        let mut two = HeadRoom::new(memory, client(2));
        assert_eq!(two.grow(FREE + 1), Ok(()));
        one.clear();
        drop(two);
        assert_eq!(counts.kept.get(), 0);
    }
}
