//! A server and a client of TLS with rustls, for tests.
//!
//! rustls-peer server CERT KEY CONNECTIONS: prints its address, and returns all lines on each
//! connection, which one thread serves all together, in turn.
//! rustls-peer client ADDRESS CERT CONNECTIONS LINES SIZE: opens all connections, and says a line of
//! SIZE bytes on each in turn, every other one by write_vectored; prints what comes back.

use std::error::Error;
use std::fs::File;
use std::io::{BufRead, BufReader, IoSlice, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;

use rustls::{Certificate, ClientConfig, ClientConnection, PrivateKey, RootCertStore, ServerConfig, ServerConnection, StreamOwned};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

fn certificates(path: &str) -> Result<Vec<Certificate>> {
    let all = rustls_pemfile::certs(&mut BufReader::new(File::open(path)?))?;
    Ok(all.into_iter().map(Certificate).collect())
}

fn server(cert: &str, key: &str, connections: usize) -> Result<()> {
    let keys = rustls_pemfile::pkcs8_private_keys(&mut BufReader::new(File::open(key)?))?;
    let config = ServerConfig::builder()
        .with_safe_defaults()
        .with_no_client_auth()
        .with_single_cert(certificates(cert)?, PrivateKey(keys[0].clone()))?;
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0")?;
    println!("{}", listener.local_addr()?);
    let mut open = Vec::new();
    for _ in 0..connections {
        let (socket, _) = listener.accept()?;
        let mut stream = StreamOwned::new(ServerConnection::new(config.clone())?, socket);
        stream.conn.complete_io(&mut stream.sock)?; // the handshake
        open.push(BufReader::new(stream));
    }
    let mut line = String::new();
    while !open.is_empty() {
        let mut next = Vec::new();
        for mut stream in open {
            line.clear();
            if stream.read_line(&mut line)? > 0 {
                stream.get_mut().write_all(line.as_bytes())?;
                next.push(stream);
            }
        }
        open = next;
    }
    Ok(())
}

fn client(address: &str, cert: &str, connections: usize, lines: usize, size: usize) -> Result<()> {
    let mut roots = RootCertStore::empty();
    for c in certificates(cert)? {
        roots.add(&c)?;
    }
    let config = ClientConfig::builder()
        .with_safe_defaults()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let config = Arc::new(config);
    let mut open = Vec::new();
    for _ in 0..connections {
        let mut socket = TcpStream::connect(address)?;
        let mut conn = ClientConnection::new(config.clone(), "localhost".try_into()?)?;
        conn.complete_io(&mut socket)?;
        while conn.wants_write() {
            conn.write_tls(&mut socket)?; // the end of the handshake, which the server waits for
        }
        open.push(BufReader::new(StreamOwned::new(conn, socket)));
    }
    for i in 0..lines {
        for (n, stream) in open.iter_mut().enumerate() {
            let head = format!("connection {n} line {i} ");
            let tail = "x".repeat(size - head.len() - 1) + "\n";
            let tls = stream.get_mut();
            if i % 2 == 0 {
                tls.write_all((head + &tail).as_bytes())?;
            } else {
                let slices = [IoSlice::new(head.as_bytes()), IoSlice::new(b""), IoSlice::new(tail.as_bytes())];
                let wrote = tls.conn.writer().write_vectored(&slices)?;
                assert_eq!(wrote, head.len() + tail.len());
                tls.conn.complete_io(&mut tls.sock)?;
            }
            let mut answer = String::new();
            stream.read_line(&mut answer)?;
            print!("{answer}");
        }
    }
    for stream in open.iter_mut() {
        let tls = stream.get_mut();
        tls.conn.send_close_notify();
        tls.conn.complete_io(&mut tls.sock)?;
    }
    Ok(())
}

fn main() -> Result<()> {
    let args: Vec<String> = std::env::args().collect();
    match args[1].as_str() {
        "server" => server(&args[2], &args[3], args[4].parse()?),
        _ => client(&args[2], &args[3], args[4].parse()?, args[5].parse()?, args[6].parse()?),
    }
}
