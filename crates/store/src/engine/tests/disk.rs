//! A disk that fails when told to: a shim over SQLite's own file system, which every connection of the tests goes
//! through.
//!
//! It is made the default one, so that nothing in the driver knows of it; files of which no test spoke pass through.

#![expect(unsafe_code, reason = "SQLite's file systems are tables of C functions")]

use std::{
    collections::HashMap,
    ffi::{CStr, c_char, c_int, c_void},
    path::{Path, PathBuf},
    ptr,
    sync::{Arc, LazyLock, Mutex, MutexGuard, Once, OnceLock, PoisonError},
};

use rusqlite::ffi::{self, sqlite3_file, sqlite3_int64, sqlite3_io_methods, sqlite3_vfs};

/// What is done to a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Op {
    Read,
    Write,
    Sync,
    Truncate,
    /// Growing the index of the WAL, which is a file of its own.
    Map,
}

/// Which file of a database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Database,
    Wal,
}

/// What fails, and how.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fault {
    pub(super) ops: &'static [Op],
    /// Both, if none is named.
    pub(super) part: Option<Part>,
    /// SQLite's extended code.
    pub(super) code: c_int,
    /// The how manieth of them fails, from 1 on.
    pub(super) nth: u32,
    /// Whether all later ones fail as well, until the disk is healed.
    pub(super) lasting: bool,
}

/// The disk beneath one database.
#[derive(Default)]
pub(super) struct Disk(Mutex<State>);

#[derive(Default)]
struct State {
    fault: Option<Fault>,
    seen: u32,
    fired: bool,
    gone_afterwards: bool,
}

impl Disk {
    /// The disk beneath this file, which is opened later.
    pub(super) fn beneath(database: &Path) -> Arc<Self> {
        install();
        let disk = Arc::new(Self::default());
        disks().insert(database.to_owned(), Arc::clone(&disk));
        disk
    }

    /// From now on this fails.
    pub(super) fn break_at(&self, fault: Fault) {
        let mut state = self.state();
        *state = State { fault: Some(fault), seen: 0, fired: false, gone_afterwards: state.gone_afterwards };
    }

    /// Once something has failed, nothing is written any more, not even half of it, until the disk is healed.
    pub(super) fn gone_afterwards(&self) {
        self.state().gone_afterwards = true;
    }

    fn is_gone(&self) -> bool {
        let state = self.state();
        state.fired && state.gone_afterwards
    }

    /// Nothing fails any more; whether something did.
    pub(super) fn heal(&self) -> bool {
        std::mem::take(&mut *self.state()).fired
    }

    /// What an operation fails with.
    fn fails(&self, part: Part, op: Op) -> Option<c_int> {
        let mut state = self.state();
        let fault = state.fault?;
        if state.fired && state.gone_afterwards && op == Op::Write {
            return Some(fault.code);
        }
        if !fault.ops.contains(&op) || fault.part.is_some_and(|only| only != part) {
            return None;
        }
        state.seen += 1;
        let fails = state.seen == fault.nth || (fault.lasting && state.seen > fault.nth);
        state.fired |= fails;
        fails.then_some(fault.code)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn disks() -> MutexGuard<'static, HashMap<PathBuf, Arc<Disk>>> {
    static DISKS: LazyLock<Mutex<HashMap<PathBuf, Arc<Disk>>>> = LazyLock::new(Mutex::default);
    DISKS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// An open file: SQLite's header, ours, and behind it the real one.
#[repr(C)]
struct File {
    base: sqlite3_file,
    part: Part,
    disk: Arc<Disk>,
}

/// The real file system, which is never taken down.
struct Real(*mut sqlite3_vfs);

// SAFETY: SQLite's own file system is used from any thread by SQLite itself.
unsafe impl Send for Real {}
// SAFETY: as above.
unsafe impl Sync for Real {}

static REAL: OnceLock<Real> = OnceLock::new();

/// Makes the shim the default file system, once.
fn install() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // SAFETY: the default file system exists from initialisation on and lives as long as the process; the copy
        // differs in name, size and `xOpen` only and is leaked, so that it lives as long.
        unsafe {
            assert_eq!(ffi::sqlite3_initialize(), ffi::SQLITE_OK);
            let real = ffi::sqlite3_vfs_find(ptr::null());
            assert!(!real.is_null());
            let mut shim = ptr::read(real);
            shim.zName = c"failing".as_ptr();
            shim.pNext = ptr::null_mut();
            shim.szOsFile += c_int::try_from(size_of::<File>()).unwrap();
            shim.xOpen = Some(open);
            REAL.set(Real(real)).ok().unwrap();
            assert_eq!(ffi::sqlite3_vfs_register(Box::leak(Box::new(shim)), 1), ffi::SQLITE_OK);
        }
    });
}

unsafe extern "C" fn open(
    _: *mut sqlite3_vfs,
    name: *const c_char,
    file: *mut sqlite3_file,
    flags: c_int,
    out: *mut c_int,
) -> c_int {
    let real_vfs = REAL.get().unwrap().0;
    // SAFETY: SQLite gives room for `szOsFile` bytes, which are ours and behind them the real ones; the name is a
    // text of SQLite's that lives as long as the file. A file that no test spoke of is opened as if there were no
    // shim: at the beginning of that room.
    unsafe {
        let open_real = (*real_vfs).xOpen.unwrap();
        let Some((part, disk)) = watched(name, flags) else { return open_real(real_vfs, name, file, flags, out) };
        (*file).pMethods = ptr::null();
        let code = open_real(real_vfs, name, real(file), flags, out);
        if !(*real(file)).pMethods.is_null() {
            ptr::write(file.cast::<File>(), File { base: sqlite3_file { pMethods: &METHODS }, part, disk });
        }
        code
    }
}

/// # Safety
/// `name` is null or a C text.
unsafe fn watched(name: *const c_char, flags: c_int) -> Option<(Part, Arc<Disk>)> {
    let part = match flags & (ffi::SQLITE_OPEN_MAIN_DB | ffi::SQLITE_OPEN_WAL) {
        ffi::SQLITE_OPEN_MAIN_DB => Part::Database,
        ffi::SQLITE_OPEN_WAL => Part::Wal,
        _ => return None,
    };
    // SAFETY: these two kinds of files have a name.
    let name = unsafe { CStr::from_ptr(name) }.to_str().ok()?;
    let database = Path::new(name.strip_suffix("-wal").unwrap_or(name));
    Some((part, disks().get(database).cloned()?))
}

/// # Safety
/// `file` is one that [`open`] opened, or is opening.
unsafe fn real(file: *mut sqlite3_file) -> *mut sqlite3_file {
    // SAFETY: the real one lies behind ours.
    unsafe { file.cast::<File>().add(1).cast() }
}

/// # Safety
/// `file` is one that [`open`] opened.
unsafe fn fails(file: *mut sqlite3_file, op: Op) -> Option<c_int> {
    // SAFETY: then it begins with a `File`.
    let file = unsafe { &*file.cast::<File>() };
    file.disk.fails(file.part, op)
}

unsafe extern "C" fn close(file: *mut sqlite3_file) -> c_int {
    // SAFETY: SQLite closes each file once and does not use it again.
    unsafe {
        let real = real(file);
        let code = (*(*real).pMethods).xClose.unwrap()(real);
        ptr::drop_in_place(file.cast::<File>());
        code
    }
}

unsafe extern "C" fn write(file: *mut sqlite3_file, data: *const c_void, size: c_int, at: sqlite3_int64) -> c_int {
    // SAFETY: SQLite's own arguments go on to the real file, of the data perhaps the first half only: as a disk does
    // that fails in the middle.
    unsafe {
        let real = real(file);
        let write = (*(*real).pMethods).xWrite.unwrap();
        let gone = (*file.cast::<File>()).disk.is_gone();
        match fails(file, Op::Write) {
            Some(code) => {
                if !gone {
                    write(real, data, size / 2, at);
                }
                code
            }
            None => write(real, data, size, at),
        }
    }
}

/// Methods that pass on what they are given, unless what they do fails.
macro_rules! pass {
    ($($name:ident $method:ident ($($arg:ident: $ty:ty),*) $($op:expr)?;)*) => {$(
        unsafe extern "C" fn $name(file: *mut sqlite3_file, $($arg: $ty),*) -> c_int {
            // SAFETY: SQLite's own arguments go on to the real file, which is of the same version.
            unsafe {
                $(if let Some(code) = fails(file, $op) {
                    return code;
                })?
                let real = real(file);
                (*(*real).pMethods).$method.unwrap()(real, $($arg),*)
            }
        }
    )*};
}

pass! {
    read xRead(data: *mut c_void, size: c_int, at: sqlite3_int64) Op::Read;
    truncate xTruncate(size: sqlite3_int64) Op::Truncate;
    sync xSync(flags: c_int) Op::Sync;
    file_size xFileSize(size: *mut sqlite3_int64);
    lock xLock(level: c_int);
    unlock xUnlock(level: c_int);
    check_reserved_lock xCheckReservedLock(out: *mut c_int);
    file_control xFileControl(op: c_int, arg: *mut c_void);
    sector_size xSectorSize();
    device_characteristics xDeviceCharacteristics();
    shm_map xShmMap(page: c_int, size: c_int, extend: c_int, out: *mut *mut c_void) Op::Map;
    shm_lock xShmLock(offset: c_int, n: c_int, flags: c_int);
    shm_unmap xShmUnmap(delete: c_int);
    fetch xFetch(at: sqlite3_int64, size: c_int, out: *mut *mut c_void);
    unfetch xUnfetch(at: sqlite3_int64, page: *mut c_void);
}

unsafe extern "C" fn shm_barrier(file: *mut sqlite3_file) {
    // SAFETY: as all others.
    unsafe {
        let real = real(file);
        (*(*real).pMethods).xShmBarrier.unwrap()(real);
    }
}

static METHODS: sqlite3_io_methods = sqlite3_io_methods {
    iVersion: 3,
    xClose: Some(close),
    xRead: Some(read),
    xWrite: Some(write),
    xTruncate: Some(truncate),
    xSync: Some(sync),
    xFileSize: Some(file_size),
    xLock: Some(lock),
    xUnlock: Some(unlock),
    xCheckReservedLock: Some(check_reserved_lock),
    xFileControl: Some(file_control),
    xSectorSize: Some(sector_size),
    xDeviceCharacteristics: Some(device_characteristics),
    xShmMap: Some(shm_map),
    xShmLock: Some(shm_lock),
    xShmBarrier: Some(shm_barrier),
    xShmUnmap: Some(shm_unmap),
    xFetch: Some(fetch),
    xUnfetch: Some(unfetch),
};
