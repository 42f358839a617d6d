//! Netascii, the text mode of RFC 1350 (NVT ASCII of RFC 764): LF travels as CR LF, CR as CR NUL.
//!
//! A [`Cursor`] is a place in the converted stream that can be copied: a sender keeps the cursor of
//! the first block that is not acknowledged and converts again from there, so that no converted copy
//! of a file is ever needed.

/// A place in the netascii form of some bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Cursor {
    /// Index of the next byte of the source.
    source: usize,
    /// The CR of that byte's pair has been given out already.
    half: bool,
}

impl Cursor {
    /// Writes the next converted bytes of `source` and moves on. Returns how many were written:
    /// fewer than `out` holds only at the end.
    pub fn fill(&mut self, source: &[u8], out: &mut [u8]) -> usize {
        let mut written = 0;
        for place in out {
            let Some(byte) = self.next(source) else { break };
            *place = byte;
            written += 1;
        }
        written
    }

    /// Moves on by `count` converted bytes, or to the end.
    pub fn skip(&mut self, source: &[u8], count: u64) {
        for _ in 0..count {
            if self.next(source).is_none() {
                break;
            }
        }
    }

    fn next(&mut self, source: &[u8]) -> Option<u8> {
        let byte = *source.get(self.source)?;
        let second = match byte {
            b'\n' => b'\n',
            b'\r' => 0,
            _ => {
                self.source += 1;
                return Some(byte);
            }
        };
        if self.half {
            self.half = false;
            self.source += 1;
            Some(second)
        } else {
            self.half = true;
            Some(b'\r')
        }
    }
}

/// Length in bytes of the netascii form of `source`.
#[must_use]
pub fn encoded_len(source: &[u8]) -> u64 {
    let doubled = source.iter().filter(|&&byte| byte == b'\n' || byte == b'\r').count();
    (source.len() as u64).saturating_add(doubled as u64)
}

/// The bytes that a netascii stream stands for. CR before anything but LF and NUL, which the
/// standard does not allow, stays as it is.
#[must_use]
pub fn decode(netascii: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(netascii.len());
    let mut bytes = netascii.iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        let decoded = match (byte, bytes.peek()) {
            (b'\r', Some(b'\n')) => b'\n',
            (b'\r', Some(0)) => b'\r',
            _ => {
                out.push(byte);
                continue;
            }
        };
        bytes.next();
        out.push(decoded);
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn encode(source: &[u8], step: usize) -> Vec<u8> {
        let mut cursor = Cursor::default();
        let mut out = Vec::new();
        let mut block = vec![0; step];
        loop {
            let count = cursor.fill(source, &mut block);
            out.extend(block.iter().take(count));
            if count < step {
                return out;
            }
        }
    }

    fn text() -> impl Strategy<Value = Vec<u8>> {
        proptest::collection::vec(prop_oneof![Just(b'\r'), Just(b'\n'), Just(0), Just(b'x'), any::<u8>()], 0..200)
    }

    #[test]
    fn line_ends_are_converted() {
        assert_eq!(encode(b"a\nb\rc\r\n", 3), b"a\r\nb\r\0c\r\0\r\n");
        assert_eq!(encode(b"", 3), b"");
    }

    proptest! {
        #[test]
        fn any_cut_gives_the_same_stream(source in text(), step in 1usize..20) {
            let whole = encode(&source, 1000);
            prop_assert_eq!(encode(&source, step), whole.clone());
            prop_assert_eq!(encoded_len(&source), whole.len() as u64);
            prop_assert_eq!(decode(&whole), source);
        }

        #[test]
        fn skipping_is_reading_without_looking(source in text(), count in 0usize..400) {
            let whole = encode(&source, 1000);
            let mut cursor = Cursor::default();
            cursor.skip(&source, count as u64);
            let mut rest = vec![0; 1000];
            let length = cursor.fill(&source, &mut rest);
            prop_assert_eq!(rest.get(..length), whole.get(count.min(whole.len())..));
        }
    }
}
