"""How MLServer is started and stopped here: what it reads, where it listens, when it leaves."""
