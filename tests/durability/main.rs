//! Nothing lost: black-box tests that kill, fill, cut and stop servers of their own under load, and look afterwards
//! that everything acknowledged is there, whole and once, and nothing else.

#[cfg(test)]
#[cfg(target_os = "linux")]
mod disk;
#[cfg(test)]
mod load;
#[cfg(test)]
mod rows;
#[cfg(test)]
#[cfg(target_os = "linux")]
mod trace;
#[cfg(test)]
mod wire;

#[cfg(test)]
#[cfg(target_os = "linux")]
mod backup;
#[cfg(test)]
mod bulk;
#[cfg(test)]
mod documents;
#[cfg(test)]
#[cfg(target_os = "linux")]
mod files;
#[cfg(test)]
#[cfg(target_os = "linux")]
mod full_disk;
#[cfg(test)]
mod gone;
#[cfg(test)]
mod handing_over;
#[cfg(test)]
mod kill;
#[cfg(test)]
#[cfg(target_os = "linux")]
mod migration;
#[cfg(test)]
mod numbering;
#[cfg(test)]
mod stop;
#[cfg(test)]
#[cfg(target_os = "linux")]
mod sync;
