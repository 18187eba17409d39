use std::{
    io::ErrorKind,
    sync::mpsc::{Receiver, SyncSender, sync_channel},
};

use proptest::prelude::*;

use super::*;

/// An outlet that does what the test lets it do, write by write.
struct Scripted {
    steps: Receiver<Step>,
    written: Arc<Mutex<Vec<u8>>>,
}

#[derive(Debug, Clone, Copy)]
enum Step {
    /// Takes at most this many bytes.
    Take(usize),
    Fail(ErrorKind),
}

impl Write for Scripted {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // The test is over, or this outlet works without further notice.
        let step = self.steps.recv().unwrap_or(Step::Take(usize::MAX));
        match step {
            Step::Fail(kind) => Err(kind.into()),
            Step::Take(most) => {
                let count = most.min(bytes.len());
                self.written
                    .lock()
                    .expect("no panic")
                    .extend_from_slice(&bytes[..count]);
                Ok(count)
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

struct Scene {
    writer: LogWriter,
    lost: Count,
    /// None: the outlet takes everything from here on.
    steps: Option<SyncSender<Step>>,
    written: Arc<Mutex<Vec<u8>>>,
}

const FOREVER: Duration = Duration::from_secs(10);

/// A beginning of it is not taken for it.
fn news(lost: u64) -> String {
    format!("lost <{lost}>\n")
}

/// News come with the next line.
fn unhurried() -> Bounds {
    Bounds {
        retry: FOREVER * 10,
        ..Bounds::default()
    }
}

fn bounds(lines: usize, bytes: usize) -> Bounds {
    Bounds {
        lines,
        bytes,
        retry: Duration::from_millis(1),
    }
}

fn scene(bounds: Bounds, steps: &[Step]) -> Scene {
    let (script, received) = sync_channel(1000);
    for step in steps {
        script.send(*step).expect("room");
    }
    let (written, lost) = (Arc::<Mutex<Vec<u8>>>::default(), Count::default());
    let outlet = Scripted {
        steps: received,
        written: written.clone(),
    };
    let writer = LogWriter::start(outlet, bounds, lost.clone(), news);
    Scene {
        writer: writer.expect("a thread"),
        lost,
        steps: Some(script),
        written,
    }
}

impl Scene {
    fn works_from_here(&mut self) {
        self.steps = None;
    }

    /// What has been written once there is nothing left to write, and nothing left to tell.
    fn settled(&self) -> String {
        let deadline = Instant::now() + FOREVER;
        loop {
            self.writer.flush(FOREVER);
            if self.writer.shared.queue().untold == 0 {
                break;
            }
            assert!(Instant::now() < deadline, "the loss was never told");
            thread::yield_now();
        }
        String::from_utf8(self.written.lock().expect("no panic").clone()).expect("text")
    }
}

fn line(number: usize) -> String {
    format!("line <{number}>\n")
}

/// The lines that are there whole, and how many were told of as lost.
fn read(written: &str, produced: usize) -> (usize, u64) {
    let mut told = 0;
    let mut whole = 0;
    for text in written.lines() {
        if let Some(count) = text.strip_prefix("lost <") {
            let count = count.strip_suffix('>').and_then(|it| it.parse().ok());
            told += count.unwrap_or(0);
        } else if (0..produced).any(|number| line(number).trim_end() == text) {
            whole += 1;
        }
    }
    (whole, told)
}

#[test]
fn an_outlet_that_works_gets_every_line_in_order() {
    let mut scene = scene(bounds(100_000, 1_000_000), &[]);
    scene.works_from_here();
    (0..1000).for_each(|number| scene.writer.hand_over(line(number).as_bytes()));
    let expected: String = (0..1000).map(line).collect();
    assert_eq!(scene.settled(), expected);
    assert_eq!(scene.lost.get(), 0);
}

#[test]
fn a_blocked_outlet_loses_only_lines_without_room_in_the_queue() {
    for (bounds, kept) in [
        (bounds(10, 1000), 10),
        (bounds(1000, 90), 10),
        (bounds(1000, 6), 0),
    ] {
        let mut scene = scene(bounds, &[]);
        (0..10).for_each(|_| scene.writer.hand_over(line(1).as_bytes()));
        (0..7).for_each(|_| scene.writer.hand_over(line(1).as_bytes()));
        assert_eq!(scene.lost.get(), 17 - kept, "{bounds:?}");
        // Nobody waits for it longer than asked.
        scene.writer.flush(Duration::from_millis(10));
        scene.works_from_here();
        let (whole, told) = read(&scene.settled(), 2);
        assert_eq!((whole as u64, told), (kept, 17 - kept), "{bounds:?}");
    }
}

#[test]
fn a_line_cut_in_its_middle_is_lost_and_leaves_the_next_intact() {
    let full = Step::Fail(ErrorKind::StorageFull);
    let mut scene = scene(unhurried(), &[Step::Take(3), full]);
    scene.writer.hand_over(b"line 0\n");
    scene.writer.flush(FOREVER);
    assert_eq!(scene.lost.get(), 1);
    scene.works_from_here();
    scene.writer.hand_over(b"line 1\n");
    assert_eq!(scene.settled(), "lin\nline 1\nlost <1>\n");
}

#[test]
fn a_line_that_lacks_only_its_line_feed_is_not_lost() {
    let full = Step::Fail(ErrorKind::StorageFull);
    let mut scene = scene(bounds(100_000, 1_000_000), &[Step::Take(6), full]);
    scene.writer.hand_over(b"line 0\n");
    scene.writer.flush(FOREVER);
    assert_eq!(scene.lost.get(), 0);
    scene.works_from_here();
    scene.writer.hand_over(b"line 1\n");
    assert_eq!(scene.settled(), "line 0\nline 1\n");
}

#[test]
fn a_non_blocking_outlet_is_waited_for() {
    let later = Step::Fail(ErrorKind::WouldBlock);
    let interrupted = Step::Fail(ErrorKind::Interrupted);
    let mut scene = scene(
        bounds(100_000, 1_000_000),
        &[later, Step::Take(2), interrupted, later],
    );
    scene.works_from_here();
    scene.writer.hand_over(b"line 0\n");
    assert_eq!(scene.settled(), "line 0\n");
    assert_eq!(scene.lost.get(), 0);
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => (1..40_usize).prop_map(Step::Take),
        3 => Just(Step::Fail(ErrorKind::StorageFull)),
        1 => Just(Step::Take(0)),
        1 => Just(Step::Fail(ErrorKind::Interrupted)),
        1 => Just(Step::Fail(ErrorKind::BrokenPipe)),
    ];
    proptest::collection::vec(step, 0..30)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    /// Whatever the outlet does: lines written whole and lines lost are all there were, and what is
    /// lost is told in the end.
    #[test]
    fn every_line_is_written_or_counted(
        steps in steps(),
        count in 1..40_usize,
        most in 1..40_usize,
    ) {
        let mut scene = scene(bounds(most, 200), &steps);
        (0..count).for_each(|number| scene.writer.hand_over(line(number).as_bytes()));
        scene.works_from_here();
        let written = scene.settled();
        let (whole, told) = read(&written, count);
        prop_assert_eq!(whole as u64 + scene.lost.get(), count as u64, "{}", written);
        prop_assert_eq!(told, scene.lost.get(), "{}", written);
    }
}
