//! The answer on its way down: heads told apart, bodies counted to their end, and what awc is shown of both.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Instant,
};

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncRead, ReadBuf};

use super::{Connection, Phase, Upload};
use crate::upstream::{
    failure::Cause,
    framing::{self, Asked, Framing, Head, MAX_HEAD, Malformed},
};

/// What ends a chunked body whose trailers are left out.
const END: &[u8] = b"\r\n";
/// Room asked for when a head does not fit what was read first.
const HEAD_READ: usize = 8 * 1024;

/// A body broke off behind so many bytes that are well formed.
struct BrokenOff {
    well_formed: usize,
    error: io::Error,
}

impl Connection {
    /// Shows awc the next bytes of the answer; an empty read says that the message is over.
    pub fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if !self.is_at_end() {
            self.poll_upload(cx)?;
        }
        let result = self.poll_answer(cx, buf);
        self.publish();
        result
    }

    fn poll_answer(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        loop {
            match self.phase {
                Phase::Rest => return Poll::Ready(Ok(())),
                Phase::AwaitHead if self.inbox.is_empty() => {
                    if ready!(self.poll_head_in_place(cx, buf))? {
                        return Poll::Ready(Ok(()));
                    }
                }
                Phase::AwaitHead => ready!(self.poll_rest_of_head(cx))?,
                Phase::ShowHead { left, then } => {
                    let shown = left.min(buf.remaining());
                    buf.put_slice(&self.inbox.split_to(shown));
                    match left - shown {
                        0 => self.enter_body(then, !self.inbox.is_empty()),
                        left => self.phase = Phase::ShowHead { left, then },
                    }
                    return Poll::Ready(Ok(()));
                }
                Phase::Body(framing) if !self.inbox.is_empty() => {
                    let start = buf.filled().len();
                    let room = self.inbox.len().min(buf.remaining());
                    let bytes = self.inbox.split_to(room);
                    let shown = self.account_or_break_off(framing, &bytes)?;
                    buf.put_slice(&bytes[..shown]);
                    self.show_end(buf);
                    self.drop_empty_inbox();
                    if buf.filled().len() > start {
                        return Poll::Ready(Ok(()));
                    }
                }
                Phase::Body(framing) => {
                    let start = buf.filled().len();
                    ready!(self.poll_body(framing, cx, buf))?;
                    if buf.filled().len() > start || self.phase == Phase::Rest {
                        return Poll::Ready(Ok(()));
                    }
                }
                Phase::ShowEnd { .. } => {
                    self.show_end(buf);
                    return Poll::Ready(Ok(()));
                }
            }
        }
    }

    /// The common case: a whole final head arrives in one read, straight into awc's buffer. False when the slow path
    /// has to take over.
    fn poll_head_in_place(
        &mut self,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<bool>> {
        let start = buf.filled().len();
        if ready!(self.poll_socket(cx, buf))? == 0 {
            return Poll::Ready(Err(self.fail(self.closed_early(Cause::ClosedBeforeHead))));
        }
        let fresh = &buf.filled()[start..];
        let head = match framing::read_head(fresh, self.asked()) {
            Ok(head) => head,
            Err(why) => return Poll::Ready(Err(self.malformed(why))),
        };
        match head {
            Some(head) if is_final(&head) => {
                framing::adapt_for_awc(&mut buf.filled_mut()[start..], &head);
                self.keep_alive = head.keep_alive && self.write_error.is_none();
                let body = &buf.filled()[start + head.len..];
                self.enter_body(head.framing, !body.is_empty());
                let shown = match self.phase {
                    Phase::Body(framing) => self.account(framing, body).map_err(|it| it.error)?,
                    _ => 0,
                };
                buf.set_filled(start + head.len + shown);
                self.show_end(buf);
                Poll::Ready(Ok(true))
            }
            _ => {
                self.inbox.extend_from_slice(fresh);
                buf.set_filled(start);
                self.read_inbox_heads()?;
                Poll::Ready(Ok(false))
            }
        }
    }

    /// Collects a head that did not come whole, or came behind a 1xx.
    fn poll_rest_of_head(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.inbox.reserve(HEAD_READ);
        let Some(socket) = &mut self.socket else {
            return Poll::Ready(Err(self.fail(Cause::Read(io::ErrorKind::NotConnected))));
        };
        let read = tokio_util::io::poll_read_buf(Pin::new(socket), cx, &mut self.inbox);
        match ready!(read) {
            Ok(0) => Poll::Ready(Err(self.fail(self.closed_early(Cause::ClosedInHead)))),
            Ok(count) => {
                self.progress.received += count as u64;
                // A head ends with a line: it is read anew when one has ended, not for each byte of a slow one.
                let fresh = &self.inbox[self.inbox.len() - count..];
                let line_ended = memchr::memchr(b'\n', fresh).is_some();
                Poll::Ready(match line_ended || self.inbox.len() >= MAX_HEAD {
                    true => self.read_inbox_heads(),
                    false => Ok(()),
                })
            }
            Err(error) => Poll::Ready(Err(self.fail(Cause::Read(error.kind())))),
        }
    }

    /// Swallows 1xx heads (RFC 9110 §15.2), as many as fit into one head, and stops at a final one.
    fn read_inbox_heads(&mut self) -> io::Result<()> {
        loop {
            match framing::read_head(&self.inbox, self.asked()) {
                Err(why) => return Err(self.malformed(why)),
                Ok(None) => return Ok(()),
                Ok(Some(head)) if !is_final(&head) => {
                    self.inbox.advance(head.len);
                    self.interim += head.len;
                    if self.interim > MAX_HEAD {
                        return Err(self.malformed(Malformed::HeadTooLarge));
                    }
                }
                Ok(Some(head)) => {
                    self.show(head);
                    return Ok(());
                }
            }
        }
    }

    fn show(&mut self, head: Head) {
        framing::adapt_for_awc(&mut self.inbox, &head);
        self.keep_alive = head.keep_alive && self.write_error.is_none();
        self.phase = Phase::ShowHead {
            left: head.len,
            then: head.framing,
        };
    }

    /// The head has been shown; a head without a body ends the message. `more` bytes may have come behind it.
    fn enter_body(&mut self, framing: Framing, more: bool) {
        if let Some(exchange) = &self.exchange {
            exchange.body.borrow_mut().note_answer();
        }
        self.drop_empty_inbox();
        if framing == Framing::Bodyless {
            return self.end(more);
        }
        self.phase = Phase::Body(framing);
        if framing == Framing::Tunnel && self.upload == Upload::AfterSwitch {
            self.upload = Upload::Tunnel;
        }
    }

    /// Gives back the memory of a head that did not come in one piece: streams are long, and many.
    fn drop_empty_inbox(&mut self) {
        if self.inbox.is_empty() {
            self.inbox = BytesMut::new();
        }
    }

    fn poll_body(
        &mut self,
        framing: Framing,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let start = buf.filled().len();
        if ready!(self.poll_socket(cx, buf))? == 0 {
            return Poll::Ready(match framing {
                Framing::UntilClose | Framing::Tunnel => {
                    self.end(true);
                    Ok(())
                }
                _ => Err(self.fail(Cause::Truncated)),
            });
        }
        let shown = self.account_or_break_off(framing, &buf.filled()[start..])?;
        buf.set_filled(start + shown);
        self.show_end(buf);
        Poll::Ready(Ok(()))
    }

    /// Reads into `buf`; the number of bytes read.
    fn poll_socket(
        &mut self,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<usize>> {
        let start = buf.filled().len();
        let Some(socket) = &mut self.socket else {
            return Poll::Ready(Err(self.fail(Cause::Read(io::ErrorKind::NotConnected))));
        };
        match ready!(Pin::new(socket).poll_read(cx, buf)) {
            Ok(()) => {
                let count = buf.filled().len() - start;
                self.progress.received += count as u64;
                Poll::Ready(Ok(count))
            }
            Err(error) => {
                let cause = match self.phase {
                    Phase::Body(_) => Cause::Truncated,
                    _ => self.closed_early(Cause::Read(error.kind())),
                };
                Poll::Ready(Err(self.fail(cause)))
            }
        }
    }

    /// Like [`account`](Self::account), for bytes behind a head that is on its way to the client: what came before a broken
    /// chunk still counts. Once it is shown, the failure is.
    fn account_or_break_off(&mut self, framing: Framing, bytes: &[u8]) -> io::Result<usize> {
        self.account(framing, bytes)
            .or_else(|broken| match broken.well_formed {
                0 => Err(broken.error),
                shown => Ok(shown),
            })
    }

    /// Accounts for body bytes; the number of them that awc is shown. Trailers are not: they end
    /// here.
    fn account(&mut self, framing: Framing, bytes: &[u8]) -> Result<usize, BrokenOff> {
        match framing {
            Framing::Length(left) => {
                let used = left.min(bytes.len() as u64);
                self.phase = Phase::Body(Framing::Length(left - used));
                if left == used {
                    self.end((used as usize) < bytes.len());
                }
                Ok(used as usize)
            }
            Framing::Chunked(mut scanner) => {
                let scanned = scanner.feed(bytes).map_err(|broken| BrokenOff {
                    well_formed: broken.chunks,
                    error: self.malformed(broken.why),
                })?;
                self.phase = Phase::Body(Framing::Chunked(scanner));
                if scanned.ended {
                    self.end(scanned.body < bytes.len());
                    self.phase = Phase::ShowEnd { left: END.len() };
                }
                Ok(scanned.chunks)
            }
            Framing::Bodyless | Framing::UntilClose | Framing::Tunnel => Ok(bytes.len()),
        }
    }

    /// Shows awc the end of a chunked body, if it has come, as far as there is room for it.
    fn show_end(&mut self, buf: &mut ReadBuf<'_>) {
        if let Phase::ShowEnd { left } = self.phase {
            let shown = left.min(buf.remaining());
            buf.put_slice(&END[END.len() - left..][..shown]);
            self.phase = match left - shown {
                0 => Phase::Rest,
                left => Phase::ShowEnd { left },
            };
        }
    }

    /// The message is over. Bytes after it, or a request still being sent, end the connection with it.
    fn end(&mut self, surplus: bool) {
        self.phase = Phase::Rest;
        self.idle_since = Instant::now();
        self.progress.complete = true;
        self.publish();
        if surplus || !self.inbox.is_empty() || !self.keep_alive || !self.is_sent() {
            self.inbox.clear();
            self.socket = None;
        }
    }

    fn asked(&self) -> Asked {
        self.exchange
            .as_ref()
            .map_or(Asked::Ordinary, |exchange| exchange.asked)
    }

    /// Of a failed write and the end that followed it, the write came first.
    fn closed_early(&self, cause: Cause) -> Cause {
        self.write_error.map_or(cause, Cause::Write)
    }
}

fn is_final(head: &Head) -> bool {
    head.status >= 200 || head.status == 101
}
