//! A graph with fewer vertices that looks the same from afar.

use super::level::Level;

/// Vertices that one seed takes along.
const COMPANIONS: usize = 3;
const NONE: u32 = u32::MAX;

/// For each vertex the one that it becomes part of, and the graph of these: weights between and within are added up.
pub(in crate::umap) fn coarsen(level: &Level) -> (Vec<u32>, Level) {
    let (parents, count) = parents(level);
    let mut starts = vec![0_usize; count + 1];
    for &parent in &parents {
        starts[parent as usize + 1] += 1;
    }
    for i in 0..count {
        starts[i + 1] += starts[i];
    }
    let mut next = starts.clone();
    let mut parts = vec![0_usize; parents.len()];
    for (vertex, &parent) in parents.iter().enumerate() {
        parts[next[parent as usize]] = vertex;
        next[parent as usize] += 1;
    }
    let mut coarse = Level { starts: vec![0], ..Level::default() };
    let mut sums = vec![0.0_f32; count];
    let mut touched: Vec<u32> = Vec::new();
    for range in starts.windows(2) {
        for &vertex in &parts[range[0]..range[1]] {
            let (targets, entries) = level.row(vertex);
            for (&target, &entry) in targets.iter().zip(entries) {
                let parent = parents[target as usize];
                let sum = &mut sums[parent as usize];
                if *sum == 0.0 {
                    touched.push(parent);
                }
                // The weight again.
                *sum += (entry * level.roots[vertex] * level.roots[target as usize]).max(f32::MIN_POSITIVE);
            }
        }
        touched.sort_unstable();
        coarse.entries.extend(touched.iter().map(|parent| std::mem::take(&mut sums[*parent as usize])));
        coarse.targets.append(&mut touched);
        coarse.starts.push(coarse.targets.len());
    }
    coarse.normalize();
    (parents, coarse)
}

/// Each vertex that is still free takes along the free ones that are nearest to it; if there are none, it joins its
/// nearest. In a connected graph nobody stays alone.
fn parents(level: &Level) -> (Vec<u32>, usize) {
    let mut parents = vec![NONE; level.vertices()];
    let mut count = 0_u32;
    let mut free: Vec<(f32, u32)> = Vec::new();
    for vertex in 0..level.vertices() {
        if parents[vertex] != NONE {
            continue;
        }
        let (targets, entries) = level.row(vertex);
        let others = || targets.iter().zip(entries).filter(|(target, _)| **target as usize != vertex);
        free.clear();
        free.extend(others().filter(|(id, _)| parents[**id as usize] == NONE).map(|(id, entry)| (*entry, *id)));
        free.sort_unstable_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        let nearest = others().max_by(|a, b| a.1.total_cmp(b.1)).map(|(id, _)| parents[*id as usize]);
        match nearest {
            Some(parent) if free.is_empty() => parents[vertex] = parent,
            _ => {
                parents[vertex] = count;
                for &(_, companion) in free.iter().take(COMPANIONS) {
                    parents[companion as usize] = count;
                }
                count += 1;
            }
        }
    }
    (parents, count as usize)
}
