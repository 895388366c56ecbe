"""The gateway process: cameras, local fusion, recorder, spool, uplink, health; and the replay of recorded material."""
