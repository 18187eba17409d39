//! What did a response use whose client has left, while others read it on? They pay nothing for it,
//! and its upstream charges for all of it: the account of the one who began it goes on.

use super::ended::Ended;

/// The record of a request whose client has left. Dropped, it is closed with what was read.
pub struct Departed(Option<Ended>);

impl Departed {
    pub(super) fn new(ended: Ended) -> Self {
        Departed(Some(ended))
    }

    /// Bytes of the response's body that its own client did not get.
    pub fn read(&mut self, bytes: &[u8]) {
        if let Some(ended) = &mut self.0 {
            ended.details.read(bytes);
        }
    }

    /// The response has come to its end.
    pub fn finish(mut self) {
        self.close(true);
    }

    fn close(&mut self, is_whole: bool) {
        if let Some(ended) = self.0.take() {
            ended.close(is_whole);
        }
    }
}

impl Drop for Departed {
    fn drop(&mut self) {
        self.close(false);
    }
}
