//! Reading a sealed file, a chunk at a time.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;

use uuid::Uuid;

use crate::crypto::file::{CHUNK, FileCipher, HEAD, HEADER, SEALED_CHUNK, chunks, place, sealed_len, wide};

use super::Files;

/// A file that is read. Its contents never change, and it stays readable while it is open.
pub(crate) struct Reader {
    file: File,
    cipher: FileCipher,
    size: u64,
}

/// Why nothing is read.
#[derive(Debug)]
pub(crate) enum Unread {
    /// The file system refused, or the file is not there.
    Io(io::Error),
    /// It is not what was written.
    Altered,
}

impl From<io::Error> for Unread {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl Reader {
    /// Opens the file of a content of so many bytes. One that was set aside comes back into its place.
    pub(crate) fn open(files: &Files, org: Uuid, id: Uuid, key: &[u8; 32], size: u64) -> Result<Self, Unread> {
        let path = files.path(org, id);
        let file = match File::open(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound && files.put_back(org, id)? => File::open(&path)?,
            opened => opened?,
        };
        let mut head = [0; HEAD];
        let long = file.metadata()?.len() == sealed_len(size);
        if !long || file.read_exact_at(&mut head, 0).is_err() || head != HEADER {
            return Err(Unread::Altered);
        }
        Ok(Self { file, cipher: FileCipher::new(key, org, id), size })
    }

    /// The bytes from a place on, to the end of their chunk.
    pub(crate) fn from(&self, at: u64) -> Result<Vec<u8>, Unread> {
        let chunk = at / wide(CHUNK);
        let last = chunk + 1 == chunks(self.size);
        let begin = place(chunk);
        let length = if last { sealed_len(self.size).saturating_sub(begin) } else { wide(SEALED_CHUNK) };
        let mut bytes = vec![0; usize::try_from(length).map_err(|_| Unread::Altered)?];
        self.file.read_exact_at(&mut bytes, begin).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => Unread::Altered,
            _ => Unread::Io(error),
        })?;
        self.cipher.open(chunk, last, &mut bytes).ok_or(Unread::Altered)?;
        let skip = usize::try_from(at % wide(CHUNK)).map_err(|_| Unread::Altered)?;
        bytes.drain(..skip.min(bytes.len()));
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::Writer;

    const ORG: Uuid = Uuid::from_u128(1);
    const KEY: [u8; 32] = [9; 32];

    fn written(files: &Files, id: Uuid, content: &[u8]) {
        let mut writer = Writer::begin(files, ORG, id, &KEY).unwrap();
        for piece in content.chunks(1000) {
            writer.write(piece).unwrap();
        }
        assert_eq!(writer.size(), wide(content.len()));
        writer.finish().unwrap();
    }

    fn whole(reader: &Reader, mut at: u64) -> Result<Vec<u8>, Unread> {
        let mut all = Vec::new();
        while at < reader.size {
            let part = reader.from(at)?;
            at += wide(part.len());
            all.extend(part);
        }
        Ok(all)
    }

    #[test]
    fn what_was_written_is_read_from_anywhere() {
        let data = tempfile::tempdir().unwrap();
        let files = Files::of(data.path());
        for (number, size) in [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK].into_iter().enumerate() {
            let id = Uuid::from_u128(u128::try_from(number).unwrap());
            let content: Vec<u8> = (0..size).map(|at| u8::try_from(at % 251).unwrap()).collect();
            written(&files, id, &content);
            let reader = Reader::open(&files, ORG, id, &KEY, wide(size)).unwrap();
            for at in [0, size / 2, size.saturating_sub(1)] {
                assert_eq!(whole(&reader, wide(at)).unwrap(), content[at..], "{size} from {at}");
            }
            let sealed = std::fs::read(files.path(ORG, id)).unwrap();
            assert_eq!(wide(sealed.len()), sealed_len(wide(size)));
        }
        assert!(std::fs::read_dir(files.incoming()).unwrap().next().is_none(), "nothing is left behind");
    }

    #[test]
    fn a_file_that_was_changed_is_not_read() {
        let data = tempfile::tempdir().unwrap();
        let files = Files::of(data.path());
        let (id, size) = (Uuid::from_u128(5), 2 * CHUNK + 10);
        written(&files, id, &vec![3; size]);
        let path = files.path(ORG, id);
        let sealed = std::fs::read(&path).unwrap();
        let altered = |bytes: &[u8]| {
            std::fs::write(&path, bytes).unwrap();
            match Reader::open(&files, ORG, id, &KEY, wide(size)).and_then(|reader| whole(&reader, 0)) {
                Err(Unread::Altered) => true,
                Err(Unread::Io(error)) => panic!("{error}"),
                Ok(_) => false,
            }
        };
        assert!(!altered(&sealed), "as it was it is read");
        assert!(altered(&sealed[..sealed.len() - 1]), "cut");
        assert!(altered(&sealed[..HEAD + 2 * SEALED_CHUNK]), "without its last chunk");
        let longer = [&sealed[..], &[0]].concat();
        assert!(altered(&longer), "longer");
        for at in [0, HEAD, HEAD + CHUNK, sealed.len() - 1] {
            let mut bytes = sealed.clone();
            bytes[at] ^= 1;
            assert!(altered(&bytes), "byte {at}");
        }
        let mut turned = sealed;
        turned[HEAD..HEAD + 2 * SEALED_CHUNK].rotate_left(SEALED_CHUNK);
        assert!(altered(&turned), "chunks in another order");
        // Another file of the same organisation under its name.
        let other = Uuid::from_u128(6);
        written(&files, other, &vec![3; size]);
        assert!(altered(&std::fs::read(files.path(ORG, other)).unwrap()), "of another file");
        std::fs::remove_file(&path).unwrap();
        let gone = Reader::open(&files, ORG, id, &KEY, wide(size));
        assert!(matches!(gone, Err(Unread::Io(error)) if error.kind() == io::ErrorKind::NotFound));
    }

    #[test]
    fn what_is_not_finished_leaves_nothing() {
        let data = tempfile::tempdir().unwrap();
        let files = Files::of(data.path());
        let mut writer = Writer::begin(&files, ORG, Uuid::from_u128(7), &KEY).unwrap();
        writer.write(&[1; 3 * CHUNK]).unwrap();
        drop(writer);
        assert!(std::fs::read_dir(files.incoming()).unwrap().next().is_none());
    }
}
