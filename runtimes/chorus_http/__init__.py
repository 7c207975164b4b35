"""What both servers have in common, a folder for each concern; knows neither of them.

connections/ bounds what arrives, access/ says who may ask and how much, logs/ and traces/ say what
happened without saying what was asked, media/ reads images and recordings within a memory limit.
"""
