"""Questions that are asked again when their answers may have changed, and the changed answers that are delivered."""
