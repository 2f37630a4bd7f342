//! The Rust server socketioxide with the three events that examples/fanout.c has: a peer of the fan-out
//! bench. WebSocket only, as its load generator is.
//!
//!   socketioxide_server PORT     prints "listening" when it does

use serde_json::Value;
use socketioxide::{
    extract::{AckSender, Data, SocketRef},
    SocketIo, TransportType,
};

/// "pipeline_" and the id, which is a string or a number.
fn room_of(what: &Value) -> String {
    let id = what.get("pipeline_id").unwrap_or(what);
    match id {
        Value::String(s) => format!("pipeline_{s}"),
        other => format!("pipeline_{other}"),
    }
}

#[tokio::main]
async fn main() {
    let port = std::env::args().nth(1).expect("usage: socketioxide_server PORT");
    let (layer, io) = SocketIo::builder()
        .transports([TransportType::Websocket])
        .build_layer();
    io.ns("/", async |s: SocketRef| {
        s.on("subscribe_pipeline", async |s: SocketRef, Data::<Value>(what), ack: AckSender| {
            s.join(room_of(&what));
            ack.send(&serde_json::json!({"ok": true})).ok();
        });
        s.on("publish", async |io: SocketIo, Data::<Value>(what)| {
            let event = what.get("event").cloned().unwrap_or(Value::Null);
            io.to(room_of(&what)).emit("replication_event", &event).await.ok();
        });
        s.on("echo", async |Data::<Value>(what), ack: AckSender| {
            ack.send(&what).ok();
        });
    });
    let app = axum::Router::new().layer(layer);
    let listener = tokio::net::TcpListener::bind(format!("127.0.0.1:{port}")).await.expect("bind");
    println!("listening");
    axum::serve(listener, app).await.expect("serve");
}
