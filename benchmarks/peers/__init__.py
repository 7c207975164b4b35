"""The peers by name, one file each; see base.py for what a peer has to say about itself."""

from benchmarks.peers.base import Peer
from benchmarks.peers.bentoml import BentoML
from benchmarks.peers.chorus import Chorus
from benchmarks.peers.fastapi import FastAPI
from benchmarks.peers.fastapi_window import FastAPIWindow
from benchmarks.peers.litserve import LitServe
from benchmarks.peers.null import Null
from benchmarks.peers.ray import Ray
from benchmarks.peers.stock import Stock

PEERS: dict[str, type[Peer]] = {
    peer.name: peer
    for peer in (Chorus, Stock, FastAPI, FastAPIWindow, LitServe, BentoML, Ray, Null)
}
