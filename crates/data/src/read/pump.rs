//! Unpacks on a thread of its own, so that unpacking and reading rows go on at the same time. What grows more than a
//! thousandfold is refused: no real file does, only one that was made to fill a disk.

use std::io::{self, Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};

/// The bytes of one message, and how many messages may wait.
const CHUNK: usize = 1 << 17;
const WAITING: usize = 4;

/// From this many bytes on, the growth is looked at.
const FREE: u64 = 1 << 30;
const MOST_GROWTH: u64 = 1000;

/// What a thread unpacks.
#[derive(Debug)]
pub(super) struct Pumped {
    receiver: Receiver<io::Result<Vec<u8>>>,
    thread: Option<JoinHandle<()>>,
    chunk: Vec<u8>,
    at: usize,
}

/// Starts `unpack` on a thread; the reader returns what it writes. The counter says how many packed bytes were read.
pub(super) fn pumped(
    packed: Arc<AtomicU64>,
    unpack: impl FnOnce(&mut dyn Write) -> io::Result<()> + Send + 'static,
) -> Pumped {
    let (sender, receiver) = sync_channel(WAITING);
    let thread = thread::spawn(move || {
        let mut sink = Sink { sender, chunk: Vec::with_capacity(CHUNK), packed, unpacked: 0 };
        if let Err(error) = unpack(&mut sink).and_then(|()| sink.flush()) {
            // The reader is gone, or gets the error.
            let _ = sink.sender.send(Err(error));
        }
    });
    Pumped { receiver, thread: Some(thread), chunk: Vec::new(), at: 0 }
}

struct Sink {
    sender: SyncSender<io::Result<Vec<u8>>>,
    chunk: Vec<u8>,
    packed: Arc<AtomicU64>,
    unpacked: u64,
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.unpacked += bytes.len() as u64;
        let packed = self.packed.load(Ordering::Relaxed).max(1);
        if self.unpacked > FREE && self.unpacked / packed > MOST_GROWTH {
            return Err(io::Error::other("it grows more than a thousandfold: unpack it yourself if you trust it"));
        }
        self.chunk.extend_from_slice(bytes);
        if self.chunk.len() >= CHUNK {
            self.flush()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.chunk.is_empty() {
            return Ok(());
        }
        let chunk = std::mem::replace(&mut self.chunk, Vec::with_capacity(CHUNK));
        self.sender.send(Ok(chunk)).map_err(|_| io::Error::from(io::ErrorKind::BrokenPipe))
    }
}

impl Read for Pumped {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.at == self.chunk.len() {
            match self.receiver.recv() {
                Ok(chunk) => (self.chunk, self.at) = (chunk?, 0),
                // The thread has ended; a panic in it is no end of the data.
                Err(_) => {
                    return match self.thread.take().map(JoinHandle::join) {
                        Some(Err(_)) => Err(io::Error::other("what unpacks it failed")),
                        _ => Ok(0),
                    };
                }
            }
        }
        let count = buffer.len().min(self.chunk.len() - self.at);
        buffer[..count].copy_from_slice(&self.chunk[self.at..self.at + count]);
        self.at += count;
        Ok(count)
    }
}

/// A reader that counts its bytes.
#[derive(Debug)]
pub(super) struct Counting<R> {
    pub(super) inner: R,
    pub(super) count: Arc<AtomicU64>,
}

impl<R: Read> Read for Counting<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.count.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_an_error_comes_after_it() {
        let mut text = Vec::new();
        let reader = pumped(Arc::default(), |sink| {
            sink.write_all(&vec![b'a'; CHUNK * 10])?;
            Err(io::Error::other("damaged"))
        });
        let error = { reader }.read_to_end(&mut text).unwrap_err();
        assert_eq!((text.len() >= CHUNK * 9, error.to_string().as_str()), (true, "damaged"));
    }

    #[test]
    fn a_panic_is_an_error_and_no_end() {
        let mut text = Vec::new();
        let mut reader = pumped(Arc::default(), |sink| {
            sink.write_all(b"hola")?;
            sink.flush()?;
            panic!("damaged")
        });
        assert!(reader.read_to_end(&mut text).is_err());
        assert_eq!(text, b"hola");
    }

    #[test]
    fn what_grows_more_than_a_thousandfold_is_refused() {
        let packed = Arc::new(AtomicU64::new(1000));
        let mut reader = pumped(packed, |sink| {
            let chunk = vec![0; 1 << 20];
            loop {
                sink.write_all(&chunk)?;
            }
        });
        let error = io::copy(&mut reader, &mut io::sink()).unwrap_err();
        assert!(error.to_string().contains("thousandfold"));
    }
}
