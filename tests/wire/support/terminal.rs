//! A pseudo-terminal whose output a test can read.

use std::{
    fs::File,
    io::Read as _,
    os::fd::OwnedFd,
    sync::{Arc, Mutex},
    thread,
};

use rustix::pty::{OpenptFlags, ioctl_tiocgptpeer, openpt, unlockpt};

use super::eventually;

/// The side that a person would look at.
pub struct Terminal {
    shown: Arc<Mutex<Vec<u8>>>,
}

impl Terminal {
    /// A new one, and the side that a program writes to.
    ///
    /// # Panics
    /// When the system gives none.
    pub fn open() -> (Self, OwnedFd) {
        let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY;
        let ours = openpt(flags).expect("a terminal");
        unlockpt(&ours).expect("a terminal");
        let theirs = ioctl_tiocgptpeer(&ours, flags).expect("its other side");
        let shown = Arc::<Mutex<Vec<u8>>>::default();
        let keeping = shown.clone();
        thread::spawn(move || {
            let mut ours = File::from(ours);
            let mut buffer = [0; 4096];
            // Ends with the last program that writes to it.
            while let Ok(count @ 1..) = ours.read(&mut buffer) {
                keeping.lock().expect("bytes").extend(&buffer[..count]);
            }
        });
        (Terminal { shown }, theirs)
    }

    /// All that it shows. A terminal makes CRLF of a line feed, which is undone here.
    pub fn text(&self) -> String {
        let bytes = self.shown.lock().expect("bytes").clone();
        String::from_utf8(bytes)
            .expect("text")
            .replace("\r\n", "\n")
    }

    /// The text once this is in it.
    ///
    /// # Panics
    /// When it does not come.
    pub fn text_with(&self, part: &str) -> String {
        eventually(part, || self.text().contains(part));
        self.text()
    }
}
