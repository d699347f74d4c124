//! From a tree to a form and its buffers, as awkward's `to_buffers` writes them.

use annstream_store::Buffer;
use indexmap::IndexMap;
use serde_json::{Value, json};

use super::Node;
use crate::element::{AwkwardArray, DenseArray};

type Buffers = IndexMap<String, DenseArray>;

impl Node {
    /// The array as it is stored.
    pub(crate) fn encode(self) -> AwkwardArray {
        let length = self.len();
        let mut buffers = Buffers::new();
        let mut nodes = 0;
        let form = self.write(&mut nodes, &mut buffers).to_string();
        AwkwardArray { form, length, buffers }
    }

    fn write(self, nodes: &mut usize, buffers: &mut Buffers) -> Value {
        let key = format!("node{nodes}");
        *nodes += 1;
        let mut put = |role: &str, values: Buffer| {
            buffers.insert(format!("{key}-{role}"), DenseArray { shape: vec![values.len()], values });
        };
        match self {
            Self::Empty => json!({"class": "EmptyArray", "parameters": {}, "form_key": key}),
            Self::Numbers { values, shape, parameters } => {
                let primitive = values.dtype().name();
                put("data", values);
                json!({"class": "NumpyArray", "primitive": primitive, "inner_shape": shape,
                    "parameters": parameters, "form_key": key})
            }
            Self::Lists { offsets, content, parameters } => {
                put("offsets", Buffer::I64(offsets));
                let content = content.write(nodes, buffers);
                json!({"class": "ListOffsetArray", "offsets": "i64", "content": content,
                    "parameters": parameters, "form_key": key})
            }
            Self::Regular { size, content, parameters, .. } => {
                let content = content.write(nodes, buffers);
                json!({"class": "RegularArray", "size": size, "content": content,
                    "parameters": parameters, "form_key": key})
            }
            Self::Records { names, contents, parameters, .. } => {
                let contents: Vec<Value> = contents.into_iter().map(|content| content.write(nodes, buffers)).collect();
                json!({"class": "RecordArray", "fields": names, "contents": contents,
                    "parameters": parameters, "form_key": key})
            }
            Self::Optional { index, content } => {
                put("index", Buffer::I64(index));
                let content = content.write(nodes, buffers);
                json!({"class": "IndexedOptionArray", "index": "i64", "content": content,
                    "parameters": {}, "form_key": key})
            }
        }
    }
}
