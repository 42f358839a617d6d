//! A phone that asks from an address of its own, over HTTP or TFTP (octet mode, 512-byte blocks, as old phones do).

use std::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use anyhow::{Result, bail};
use tokio::{net::UdpSocket, time::timeout};

use crate::server::Server;

/// One phone.
pub struct Phone {
    /// Where it asks from.
    pub ip: &'static str,
    /// Its User-Agent; empty for one that has none.
    pub user_agent: &'static str,
}

const PATIENCE: Duration = Duration::from_secs(5);

impl Phone {
    /// Status and body.
    pub async fn http(&self, server: &Server, path: &str) -> Result<(u16, Vec<u8>)> {
        let client =
            reqwest::Client::builder().local_address(self.ip.parse::<IpAddr>()?).user_agent(self.user_agent).timeout(PATIENCE).build()?;
        let answer = client.get(format!("http://{}{path}", server.http)).send().await?;
        let status = answer.status().as_u16();
        Ok((status, if status == 200 { answer.bytes().await?.to_vec() } else { Vec::new() }))
    }

    /// 200 and the file, or 404 (TFTP error 1).
    pub async fn tftp(&self, server: &Server, name: &str) -> Result<(u16, Vec<u8>)> {
        let socket = UdpSocket::bind(SocketAddr::new(self.ip.parse()?, 0)).await?;
        let request = [&[0, 1], name.as_bytes(), &[0], b"octet", &[0]].concat();
        socket.send_to(&request, server.tftp).await?;
        let (mut file, mut packet) = (Vec::new(), [0u8; 516]);
        loop {
            let (size, from) = timeout(PATIENCE, socket.recv_from(&mut packet)).await??;
            match packet.get(..size) {
                Some([0, 3, high, low, data @ ..]) => {
                    file.extend_from_slice(data);
                    socket.send_to(&[0, 4, *high, *low], from).await?;
                    if data.len() < 512 {
                        return Ok((200, file));
                    }
                }
                Some([0, 5, 0, 1, ..]) => return Ok((404, Vec::new())),
                other => bail!("an unexpected TFTP packet of {} bytes", other.map_or(0, <[u8]>::len)),
            }
        }
    }
}
