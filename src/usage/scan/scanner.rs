//! The state of a scan, and what each byte does to it.

use super::{
    Key, Step, Visitor,
    strings::{self, Text},
};
use crate::usage::UsageFlaw;

/// Most containers, one inside another, that are looked into. A JSON pointer has at most 256 tokens.
const MOST_OPEN: usize = 264;

/// An open object or list.
struct Open<N> {
    node: N,
    is_list: bool,
    items: usize,
}

/// What comes next.
#[derive(Clone, Copy, PartialEq, Eq)]
enum At {
    /// A text. Texts may stand one after another, or in a list.
    Between,
    Name,
    InName,
    Colon,
    Item,
    Value,
    InText,
    InScalar,
    /// The rest of a container that nobody looks into.
    Passing,
    PassingText,
    /// A comma, or the end of the container.
    After,
    /// Nothing until the next text.
    Ignored,
}

pub struct Scanner<V: Visitor> {
    at: At,
    open: Vec<Open<V::Node>>,
    step: Step<V::Node, V::Place>,
    text: Text,
    /// Containers that are open in the value that is passed over.
    depth: usize,
    /// The beginning of a name or of a value to lend, from earlier pieces.
    held: Vec<u8>,
    /// Where in the current piece the name or the value begins.
    begin: usize,
    is_holding: bool,
    is_too_long: bool,
    most: usize,
}

impl<V: Visitor> Scanner<V> {
    /// Lends values of at most `most` bytes.
    pub fn new(most: usize) -> Self {
        Scanner {
            at: At::Between,
            open: Vec::new(),
            step: Step::SKIP,
            text: Text::default(),
            depth: 0,
            held: Vec::new(),
            begin: 0,
            is_holding: false,
            is_too_long: false,
            most,
        }
    }

    /// A text has begun and is not complete.
    pub fn is_open(&self) -> bool {
        !self.open.is_empty()
    }

    /// Memory that is held.
    #[cfg(test)]
    pub fn held_bytes(&self) -> usize {
        self.held.capacity() + self.open.capacity() * size_of::<Open<V::Node>>()
    }

    pub fn feed(&mut self, bytes: &[u8], to: &mut V) {
        self.begin = 0;
        let mut place = 0;
        while place < bytes.len() {
            place = match self.at {
                At::Between => self.between(bytes, place),
                At::Name => self.name(bytes, place, to),
                At::InName => self.in_name(bytes, place, to),
                At::Colon => self.colon(bytes, place, to),
                At::Item => self.item(bytes, place, to),
                At::Value => self.value(bytes, place, to),
                At::InText => self.in_text(bytes, place, to),
                At::InScalar => self.in_scalar(bytes, place, to),
                At::Passing => self.passing(bytes, place),
                At::PassingText => self.passing_text(bytes, place),
                At::After => self.after(bytes, place, to),
                At::Ignored => return,
            };
        }
        if self.is_holding {
            self.hold(&bytes[self.begin..]);
        }
    }

    /// Gives up the text that is not complete, if there is one. What follows is a text of its own.
    pub fn reset(&mut self, to: &mut V) {
        if self.is_open() {
            to.ended();
        }
        self.open.clear();
        self.held.clear();
        self.is_holding = false;
        self.is_too_long = false;
        self.at = At::Between;
    }

    fn broken(&mut self, bytes: &[u8], to: &mut V) -> usize {
        to.flawed(UsageFlaw::Malformed);
        self.reset(to);
        self.at = At::Ignored;
        bytes.len()
    }

    fn between(&mut self, bytes: &[u8], place: usize) -> usize {
        match bytes[place] {
            // The last three are a byte order mark.
            b' ' | b'\t' | b'\r' | b'\n' | b',' | b'[' | b']' | 0xef | 0xbb | 0xbf => {}
            b'{' => self.enter_root(),
            _ => self.at = At::Ignored,
        }
        place + 1
    }

    fn enter_root(&mut self) {
        self.open.push(Open {
            node: V::ROOT,
            is_list: false,
            items: 0,
        });
        self.at = At::Name;
    }

    fn name(&mut self, bytes: &[u8], place: usize, to: &mut V) -> usize {
        match bytes[place] {
            b'"' => {
                self.text = Text::default();
                self.at = At::InName;
                self.hold_from(place + 1);
            }
            b'}' => self.close(to),
            byte if is_space(byte) => {}
            _ => return self.broken(bytes, to),
        }
        place + 1
    }

    fn in_name(&mut self, bytes: &[u8], place: usize, to: &mut V) -> usize {
        let Some(end) = self.text.end(bytes, place) else {
            return bytes.len();
        };
        let node = self.open.last().map_or(V::ROOT, |open| open.node);
        let is_escaped = self.text.has_escapes();
        self.step = match self.released(bytes, end) {
            None => Step::SKIP,
            Some(name) if !is_escaped => to.step(node, Key::Name(name)),
            Some(name) => match strings::unescaped(name) {
                Some(name) => to.step(node, Key::Name(name.as_bytes())),
                None => Step::SKIP,
            },
        };
        self.held.clear();
        // Nearly always.
        match bytes.get(end + 1) {
            Some(b':') => {
                self.at = At::Value;
                end + 2
            }
            _ => {
                self.at = At::Colon;
                end + 1
            }
        }
    }

    fn colon(&mut self, bytes: &[u8], place: usize, to: &mut V) -> usize {
        match bytes[place] {
            b':' => self.at = At::Value,
            byte if is_space(byte) => {}
            _ => return self.broken(bytes, to),
        }
        place + 1
    }

    fn item(&mut self, bytes: &[u8], place: usize, to: &mut V) -> usize {
        match bytes[place] {
            b']' => self.close(to),
            byte if is_space(byte) => {}
            _ => {
                if let Some(open) = self.open.last_mut() {
                    self.step = to.step(open.node, Key::Index(open.items));
                    open.items += 1;
                }
                self.at = At::Value;
                return place;
            }
        }
        place + 1
    }

    fn value(&mut self, bytes: &[u8], place: usize, to: &mut V) -> usize {
        match bytes[place] {
            b'"' => {
                self.text = Text::default();
                self.at = At::InText;
                self.capture_from(place);
            }
            byte @ (b'{' | b'[') => self.enter(byte, to),
            b'-' | b'0'..=b'9' | b't' | b'f' | b'n' => {
                self.at = At::InScalar;
                self.capture_from(place);
            }
            byte if is_space(byte) => {}
            _ => return self.broken(bytes, to),
        }
        place + 1
    }

    fn enter(&mut self, byte: u8, to: &mut V) {
        let is_list = byte == b'[';
        match self.step {
            Step {
                follow: Some(node), ..
            } if self.open.len() < MOST_OPEN => {
                self.at = if is_list { At::Item } else { At::Name };
                self.open.push(Open {
                    node,
                    is_list,
                    items: 0,
                });
            }
            Step { capture, .. } => {
                self.at = At::Passing;
                self.depth = 1;
                if let Some(place) = capture {
                    to.captured(place, &[byte]);
                }
            }
        }
    }

    fn in_text(&mut self, bytes: &[u8], place: usize, to: &mut V) -> usize {
        let Some(end) = self.text.end(bytes, place) else {
            return bytes.len();
        };
        match self.step {
            Step {
                capture: Some(_), ..
            } => self.lend(bytes, end + 1, to),
            Step {
                follow: Some(node), ..
            } => to.measured(node, self.text.bytes()),
            Step { .. } => {}
        }
        self.at = At::After;
        end + 1
    }

    fn in_scalar(&mut self, bytes: &[u8], place: usize, to: &mut V) -> usize {
        let ends = |byte: &u8| matches!(byte, b',' | b'}' | b']') || is_space(*byte);
        let Some(length) = bytes[place..].iter().position(ends) else {
            return bytes.len();
        };
        self.lend(bytes, place + length, to);
        self.at = At::After;
        place + length
    }

    /// Brackets are counted, not matched.
    fn passing(&mut self, bytes: &[u8], from: usize) -> usize {
        let mut place = from;
        while let Some(next) = strings::structural(bytes, place) {
            place = next + 1;
            match bytes[next] {
                b'"' => {
                    self.text = Text::default();
                    match self.text.end(bytes, place) {
                        Some(end) => place = end + 1,
                        None => {
                            self.at = At::PassingText;
                            break;
                        }
                    }
                }
                b'{' | b'[' => self.depth += 1,
                _ => self.depth -= 1,
            }
            if self.depth == 0 {
                self.at = At::After;
                return place;
            }
        }
        bytes.len()
    }

    fn passing_text(&mut self, bytes: &[u8], place: usize) -> usize {
        match self.text.end(bytes, place) {
            Some(end) => {
                self.at = At::Passing;
                end + 1
            }
            None => bytes.len(),
        }
    }

    fn after(&mut self, bytes: &[u8], place: usize, to: &mut V) -> usize {
        let is_list = self.open.last().is_some_and(|open| open.is_list);
        match (bytes[place], is_list) {
            (b',', false) => self.at = At::Name,
            (b',', true) => self.at = At::Item,
            (b'}', false) | (b']', true) => self.close(to),
            (byte, _) if is_space(byte) => {}
            _ => return self.broken(bytes, to),
        }
        place + 1
    }

    fn close(&mut self, to: &mut V) {
        self.at = At::After;
        if let Some(open) = self.open.pop() {
            to.closed(open.node, open.items);
        }
        if self.open.is_empty() {
            self.at = At::Between;
            to.ended();
        }
    }

    fn capture_from(&mut self, place: usize) {
        if self.step.capture.is_some() {
            self.hold_from(place);
        }
    }

    fn hold_from(&mut self, place: usize) {
        self.begin = place;
        self.is_holding = true;
        self.is_too_long = false;
    }

    fn hold(&mut self, piece: &[u8]) {
        self.is_too_long |= self.held.len() + piece.len() > self.most;
        match self.is_too_long {
            true => self.held.clear(),
            false => self.held.extend_from_slice(piece),
        }
    }

    /// What is held, to this place of the piece; `None`: it is too long.
    fn released<'b>(&'b mut self, bytes: &'b [u8], end: usize) -> Option<&'b [u8]> {
        self.is_holding = false;
        let piece = &bytes[self.begin..end];
        if self.is_too_long || self.held.len() + piece.len() > self.most {
            return None;
        }
        if self.held.is_empty() {
            return Some(piece);
        }
        self.held.extend_from_slice(piece);
        Some(&self.held)
    }

    fn lend(&mut self, bytes: &[u8], end: usize, to: &mut V) {
        if let Some(place) = self.step.capture {
            match self.released(bytes, end) {
                Some(json) => to.captured(place, json),
                None => to.flawed(UsageFlaw::TooLarge),
            }
            self.held.clear();
        }
    }
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}
