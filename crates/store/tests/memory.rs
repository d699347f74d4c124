//! The memory backend passes the contract.

use std::cell::RefCell;

use annstream_store::contract::{Backend, all};
use annstream_store::{MemoryStore, MemoryWriter, Store, StoreWriter};

#[test]
fn the_memory_backend_passes_the_contract() {
    let last: RefCell<Option<MemoryWriter>> = RefCell::new(None);
    let create = || -> Box<dyn StoreWriter> {
        let writer = MemoryStore::writer();
        *last.borrow_mut() = Some(writer.clone());
        Box::new(writer)
    };
    let reopen = || -> Box<dyn Store> { Box::new(last.take().expect("a writer was created").into_store()) };
    all(&Backend { create: &create, reopen: &reopen, json: false }).expect("no call fails");
}
